// https://github.com/EventSource/eventsource
import { EventSource } from "eventsource";

const [url, lastEventId, ...names] = process.argv.slice(2);
const address = new URL(url);
// It has no other way to begin after an event.
if (lastEventId) address.searchParams.set("last_event_id", lastEventId);

const source = new EventSource(address);
for (const name of names) {
  source.addEventListener(name, ({ lastEventId: id, data }) =>
    console.log(JSON.stringify({ name, id, data })),
  );
}
