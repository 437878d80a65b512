import { Retry } from "./retry.js";
import { Timer } from "./timer.js";

const CLOSED = 2;
// Asking again would change nothing.
export const FINAL = new Set([204, 400, 401, 403, 404]);

/**
 * The page's one stream: opens it, keeps it open from where it was, and tells the
 * page what comes, as `notifications` and `notifications:<type>` events.
 */
export class NotificationStream {
  #url;
  #types;
  #cursor;
  #target;
  #EventSource;
  #fetch;
  #retry;
  #silence;
  #patience;
  #source = null;
  #running = false;

  /**
   * `url` holds the topics already; `types` are the event types to listen for;
   * `first` and `heartbeat` are in milliseconds.
   */
  constructor({
    url,
    types,
    cursor,
    first = 3000,
    heartbeat = 15_000,
    target = document,
    EventSource = globalThis.EventSource,
    fetch = globalThis.fetch.bind(globalThis),
    clock = globalThis,
    random = Math.random,
  }) {
    this.#url = url;
    this.#types = types;
    this.#cursor = cursor;
    this.#target = target;
    this.#EventSource = EventSource;
    this.#fetch = fetch;
    this.#retry = new Retry(() => this.#open(), { first, clock, random });
    this.#silence = new Timer(() => this.#lost(), clock);
    // Two heartbeats may be late; after that, the link is taken for dead.
    this.#patience = 2.5 * heartbeat;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#retry.succeeded();
    this.#open();
  }

  stop() {
    this.#running = false;
    this.#retry.stop();
    this.#close();
  }

  #open() {
    const source = new this.#EventSource(this.#address());
    for (const type of this.#types) {
      source.addEventListener(type, (event) => this.#tell(event));
    }
    source.addEventListener("reset", (event) => this.#tell(event));
    source.addEventListener("heartbeat", (event) => this.#note(event));
    source.addEventListener("server_closed", () => this.#lost());
    source.addEventListener("error", () => this.#lost());
    this.#source = source;
    this.#silence.start(this.#patience);
  }

  #close() {
    this.#silence.stop();
    this.#source?.close();
    this.#source = null;
  }

  /** A page without a cursor asks from nowhere, and gets a reset. */
  #address() {
    const address = new URL(this.#url);
    address.searchParams.set("last_event_id", this.#cursor);
    return address.href;
  }

  #note(event) {
    this.#cursor = event.lastEventId || this.#cursor;
    this.#retry.succeeded();
    this.#silence.start(this.#patience);
  }

  #tell(event) {
    this.#note(event);
    const detail = JSON.parse(event.data);
    this.#dispatch(`notifications:${event.type}`, detail);
    this.#dispatch("notifications", detail);
  }

  #dispatch(name, detail) {
    this.#target.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  /** Not left to EventSource, which gives up after an HTTP error. */
  #lost() {
    if (!this.#source) return;
    const refused = this.#source.readyState === CLOSED;
    this.#close();
    this.#retry.failed();
    if (refused) this.#stopIfFinal();
  }

  /** EventSource does not tell the status, so it is asked for. */
  async #stopIfFinal() {
    const abort = new AbortController();
    const options = { headers: { Accept: "text/event-stream" }, signal: abort.signal };
    const response = await this.#fetch(this.#address(), options).catch(() => null);
    if (FINAL.has(response?.status)) this.stop();
    abort.abort();
  }
}
