import { EventParser } from "./event-parser.js";
import { Timer } from "./timer.js";

const [CONNECTING, OPEN, CLOSED] = [0, 1, 2];
const EVENT_STREAM = /^text\/event-stream *(;|$)/i;
// How long it waits before it reconnects, in milliseconds, unless the server says so.
const RETRY = 3_000;
// Of these, EventSource has attributes for a listener.
const ATTRIBUTES = new Set(["open", "message", "error"]);

/** An EventSource by fetch, for browsers that have none of their own. */
export class FetchEventSource extends EventTarget {
  static CONNECTING = CONNECTING;
  static OPEN = OPEN;
  static CLOSED = CLOSED;

  onopen = null;
  onmessage = null;
  onerror = null;
  readyState = CONNECTING;
  #abort = new AbortController();
  #parser = new EventParser();
  #fetch;
  #retry;

  constructor(url, { withCredentials = false, fetch, clock } = {}) {
    super();
    this.url = new URL(url, document.baseURI).href;
    this.withCredentials = withCredentials;
    this.#fetch = fetch ?? ((...all) => globalThis.fetch(...all));
    this.#retry = new Timer(() => this.#connect(), clock);
    this.#connect();
  }

  /** Close the stream for good. */
  close() {
    this.readyState = CLOSED;
    this.#retry.stop();
    this.#abort.abort();
  }

  async #connect() {
    const response = await this.#request().catch(() => null);
    if (this.readyState === CLOSED) return;
    if (response && !isStream(response)) return this.#stop();
    // Reading fails when the connection does.
    if (response) await this.#read(response).catch(() => null);
    if (this.readyState !== CLOSED) this.#reconnect();
  }

  #request() {
    const headers = { Accept: "text/event-stream" };
    const { lastEventId } = this.#parser;
    if (lastEventId) headers["Last-Event-ID"] = asBytes(lastEventId);
    const credentials = this.withCredentials ? "include" : "same-origin";
    const { signal } = this.#abort;
    return this.#fetch(this.url, { headers, credentials, cache: "no-store", signal });
  }

  async #read({ body }) {
    this.readyState = OPEN;
    this.#notify(new Event("open"));
    this.#parser.restart();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of this.#parser.feed(value)) this.#onEvent(event);
    }
  }

  #onEvent({ type, data, lastEventId }) {
    const { origin } = new URL(this.url);
    if (this.readyState === CLOSED) return;
    this.#notify(new MessageEvent(type, { data, lastEventId, origin }));
  }

  #reconnect() {
    this.readyState = CONNECTING;
    this.#retry.start(this.#parser.retry ?? RETRY);
    this.#notify(new Event("error"));
  }

  /** There is no stream, or no more: https://html.spec.whatwg.org/#fail-the-connection */
  #stop() {
    this.close();
    this.#notify(new Event("error"));
  }

  #notify(event) {
    this.dispatchEvent(event);
    if (ATTRIBUTES.has(event.type)) this[`on${event.type}`]?.(event);
  }
}

function isStream({ status, headers }) {
  return status === 200 && EVENT_STREAM.test(headers.get("Content-Type"));
}

/** Return text with a character for each byte of its UTF-8, as headers have it. */
function asBytes(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
