// https://github.com/rexxars/eventsource-client
import { createEventSource } from "eventsource-client";

const [url, lastEventId] = process.argv.slice(2);

createEventSource({
  url,
  headers: JSON.parse(process.env.HEADERS),
  initialLastEventId: lastEventId,
  onMessage: ({ event: name = "message", id = "", data }) =>
    console.log(JSON.stringify({ name, id, data })),
});
