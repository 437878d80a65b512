import { FINAL, Retry } from "./retry.js";
import { Timer } from "./timer.js";

const CLOSED = 2;

/** Return where to ask; `after` is what the cursor is called there. */
export function address(url, after, { cursor, unseen }, topics) {
  const query = new URLSearchParams(topics.map((topic) => ["topic", topic]));
  if (after) query.set(after, cursor);
  if (unseen) query.set("unseen", unseen);
  return `${url}?${query}`;
}

/** A link by EventSource. */
export class StreamLink {
  state = "live";
  #source = null;
  #options;

  /** Without a sign it is dead: after `first` milliseconds, and later `patience`. */
  constructor(options) {
    this.first = options.first;
    this.patience = options.patience;
    this.#options = options;
  }

  /** Tell `on` of frames, and once of a failure, with the response if there is one. */
  open(pair, topics, on) {
    const { url, types, EventSource } = this.#options;
    const source = new EventSource(address(url, "last_event_id", pair, topics));
    const hear = ({ type, data, lastEventId: id }) =>
      on.heard({ type, id, detail: JSON.parse(data) });
    for (const type of types) source.addEventListener(type, hear);
    source.addEventListener("server_closed", () => on.failed());
    source.addEventListener("error", () => this.#failed(source, on));
    this.#source = source;
  }

  close() {
    this.#source?.close();
    this.#source = null;
  }

  /** EventSource does not tell the status that ended it. */
  async #failed(source, on) {
    if (source.readyState !== CLOSED) return on.failed();
    const abort = new AbortController();
    const options = { headers: { Accept: "text/event-stream" }, signal: abort.signal };
    const response = await this.#options.fetch(source.url, options).catch(() => null);
    abort.abort();
    if (source === this.#source) on.failed(response);
  }
}

/** Keeps a link to the server open, from where it was: a stream, or polling. */
export class Connection {
  state = "connecting";
  pair = null;
  // A proxy keeps streams back, as it seems.
  kept = false;
  #topics;
  #link = null;
  #silent;
  #options;
  #retry;
  #patience;

  /** `stream` is a link, if there can be one; `poll` promises one. */
  constructor(options) {
    this.#options = options;
    this.#retry = new Retry(() => this.reopen(), options);
    this.#patience = new Timer(() => this.#lose(), options.clock);
  }

  /** `pair` is a cursor, and how much was unseen there, if that is counted. */
  open(pair, topics) {
    this.pair = { ...pair };
    this.#topics = topics;
    this.reopen();
  }

  close() {
    this.pair = null;
    this.#hangUp();
    this.#become("connecting");
  }

  async reopen() {
    this.#hangUp();
    const { pair } = this;
    const link = this.#streams ? this.#options.stream : await this.#options.poll();
    if (pair !== this.pair || this.#link) return;
    this.#link = link;
    this.#silent = true;
    const proven = `${this.#options.storage.notificationsKept}` === "0";
    this.#patience.start((!proven && link.first) || link.patience);
    link.open(pair, this.#topics, this);
  }

  heard(frame) {
    const { type, detail } = frame;
    if (this.#silent && this.#link.first) this.#options.storage.notificationsKept = 0;
    this.#silent = false;
    this.#retry.succeeded();
    this.#patience.start(this.#link.patience);
    this.#become(this.#link.state);
    const lost = type === "reset" || (type === "count" && detail.unseen === null);
    if (lost && this.pair.unseen) this.#recount();
    else this.take(frame);
  }

  take(frame) {
    const { type, id, detail } = frame;
    if (id) this.pair.cursor = id;
    if (type === "count") this.pair.unseen = `${detail.unseen}`;
    this.#options.heard(frame);
  }

  ended() {
    this.kept = this.pair.lost = false;
    this.reopen();
  }

  failed(response) {
    this.#hangUp();
    this.kept = false;
    if (FINAL.has(response?.status)) return this.#options.refused();
    this.#become("lost");
    this.#retry.failed(1000 * (Number(response?.headers.get("Retry-After")) || 0));
  }

  get #streams() {
    const { stream, storage, now } = this.#options;
    const kept = this.kept || storage.notificationsKept > now();
    return stream && !kept && !this.pair.lost;
  }

  #hangUp() {
    this.#retry.stop();
    this.#patience.stop();
    this.#link?.close();
    this.#link = null;
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.#options.changed(state);
  }

  /** What was missed is unknown, to everybody at once: do not ask together. */
  #recount() {
    this.#hangUp();
    this.pair.lost = true;
    this.#retry.failed();
  }

  /** It may be a proxy, if there never was a sign, and polling works. */
  #lose() {
    if (!this.#silent || !this.#link.first) return this.failed();
    this.kept = true;
    this.reopen();
  }
}
