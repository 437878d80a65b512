// https://github.com/Azure/fetch-event-source
import { fetchEventSource } from "@microsoft/fetch-event-source";

const [url, lastEventId] = process.argv.slice(2);
const OVER = 204;
class Over extends Error {}

// It is for browsers.
globalThis.window = globalThis;
globalThis.document = { removeEventListener() {} };

const reading = fetchEventSource(url, {
  headers: lastEventId ? { "Last-Event-ID": lastEventId } : {},
  openWhenHidden: true,
  async onopen({ status }) {
    if (status === OVER) throw new Over();
  },
  onmessage: ({ event, id, data }) =>
    data && console.log(JSON.stringify({ name: event || "message", id, data })),
  // It reconnects after errors alone.
  onclose() {
    throw new Error("The server has ended the stream.");
  },
  onerror(error) {
    if (error instanceof Over) throw error;
  },
});
await reading.catch((error) => {
  if (!(error instanceof Over)) throw error;
});
