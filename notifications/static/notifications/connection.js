import { FINAL, Retry } from "./retry.js";
import { Timer } from "./timer.js";

const CLOSED = 2;
// In milliseconds: over how long clients spread their requests for the unseen count
// after a retraction, which all of them get at the same time.
const RECOUNT_SPREAD = 10_000;

/**
 * Return the URL of a request; `url` has a query, and `parameter` is what it calls the
 * cursor, if it does.
 */
export function requestUrl(url, parameter, { cursor, unseen }, topics) {
  const query = new URLSearchParams(topics.map((topic) => ["topic", topic]));
  if (parameter) query.set(parameter, cursor);
  if (unseen) query.set("unseen", unseen);
  return `${url}&${query}`;
}

/** A link that streams by EventSource. */
export class StreamLink {
  state = "live";
  #source = null;
  #options;

  /** `timeout` and `firstTimeout` are the longest silence, in milliseconds. */
  constructor(options) {
    this.firstTimeout = options.firstTimeout;
    this.timeout = options.timeout;
    this.#options = options;
  }

  /** Pass frames to the owner, and the first failure, with its response if any. */
  open(position, topics, owner) {
    const { url, types, EventSource } = this.#options;
    const source = new EventSource(requestUrl(url, "last_event_id", position, topics));
    const receive = ({ type, data, lastEventId: id }) =>
      owner.receive({ type, id, detail: JSON.parse(data) });
    for (const type of ["server_closed", ...types]) source.addEventListener(type, receive);
    source.addEventListener("error", () => this.#onError(source, owner));
    this.#source = source;
  }

  close() {
    this.#source?.close();
    this.#source = null;
  }

  /** Ask for the status once more, since EventSource hides it. */
  async #onError(source, owner) {
    if (source.readyState !== CLOSED) return owner.fail();
    const abort = new AbortController();
    const options = { headers: { Accept: "text/event-stream" }, signal: abort.signal };
    const response = await this.#options.fetch(source.url, options).catch(() => null);
    if (response?.ok) abort.abort();
    if (source === this.#source) owner.fail(response);
  }
}

/** Keeps a link to the server open and resumes it: a stream, or long polling. */
export class Connection {
  state = "connecting";
  // The cursor, and the unseen count there if it is counted.
  position = null;
  // A proxy seems to hold streams back, or to cut them.
  usePolling = false;
  // How many streams in a row were cut before they brought anything.
  cuts = 0;
  #topics;
  #link = null;
  #silent;
  #options;
  #retry;
  #timeout;
  // The id of the last retraction.
  #retracted;
  #recount;

  /** `stream` is a link, or undefined; `poll` returns the promise of one. */
  constructor(options) {
    this.#options = options;
    this.#retry = new Retry(() => this.reopen(), options);
    this.#timeout = new Timer(() => this.#onTimeout(), options.clock);
    this.#recount = new Timer(() => this.#onRecount(), options.clock);
  }

  open(position, topics) {
    this.position = { ...position };
    this.#topics = topics;
    this.reopen();
  }

  close() {
    this.position = null;
    this.#recount.stop();
    this.#closeLink();
    this.#setState("connecting");
  }

  async reopen() {
    this.#closeLink();
    const { position } = this;
    const { stream, poll } = this.#options;
    // Loading the module may fail, too.
    const link = this.#canStream ? stream : await poll().catch(() => null);
    if (position !== this.position || this.#link) return;
    if (!link) return this.fail();
    this.#link = link;
    this.#silent = true;
    const streamed = `${this.#options.storage.notificationsPollUntil}` === "0";
    this.#timeout.start((!streamed && link.firstTimeout) || link.timeout);
    link.open(position, this.#topics, this);
  }

  receive(frame) {
    const { type, id, detail } = frame;
    if (type === "server_closed") return this.#onEnd(detail.reason);
    const { storage } = this.#options;
    if (this.#mayBeHeld) storage.notificationsPollUntil = this.cuts = 0;
    this.#silent = false;
    this.#retry.succeeded();
    this.#timeout.start(this.#link.timeout);
    this.#setState(this.#link.state);
    if (type === "retracted") this.#retracted = id;
    const unknown = type === "count" && detail.unseen === null;
    if (unknown && id === this.#retracted) return this.#recountSoon();
    const lost = type === "reset" || unknown;
    if (lost && this.position.unseen) this.#onLost();
    else this.accept(frame);
  }

  accept(frame) {
    const { type, id, detail } = frame;
    if (id) this.position.cursor = id;
    if (type === "count") this.position.unseen = `${detail.unseen}`;
    this.#options.onFrame(frame);
  }

  /** A poll has ended; the next link continues. */
  finish() {
    this.usePolling = this.position.lost = false;
    this.reopen();
  }

  /** A poll shows whether streams alone are cut, or the server is away. */
  fail(response) {
    this.usePolling = this.#mayBeHeld && response?.ok !== false;
    this.cuts = this.usePolling ? this.cuts + 1 : 0;
    this.#closeLink();
    if (FINAL.has(response?.status)) return this.#options.onRefused(response);
    this.#setState("lost");
    this.#retry.failed(1000 * (Number(response?.headers.get("Retry-After")) || 0));
  }

  /** Whether this is a stream that has brought nothing, where polls are possible. */
  get #mayBeHeld() {
    return !!(this.#silent && this.#link?.firstTimeout);
  }

  get #canStream() {
    const { stream, storage, now } = this.#options;
    const polls = this.usePolling || storage.notificationsPollUntil > now();
    return stream && !polls && !this.position.lost;
  }

  #closeLink() {
    this.#retry.stop();
    this.#timeout.stop();
    this.#link?.close();
    this.#link = null;
  }

  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.#options.onState(state);
  }

  /** Many clients lose their position together; the retry spreads their requests. */
  #onLost() {
    this.#closeLink();
    this.position.lost = "gap";
    this.#retry.failed();
  }

  /** Without a permission, some of what was counted and shown may be gone. */
  #onEnd(reason) {
    this.#silent = false;
    // The reply to the next request says who is signed in.
    if (reason === "signed_out") this.reopen();
    else if (reason === "permissions_changed" && this.position.unseen) this.#onLost();
    else this.fail();
  }

  /** A retraction left the count unknown: only that is lost, and the link stays open. */
  #recountSoon() {
    const { random = Math.random } = this.#options;
    if (!this.#recount.running) this.#recount.start(RECOUNT_SPREAD * random());
  }

  #onRecount() {
    this.position.lost ||= "count";
    this.reopen();
  }

  /** A stream that never had a frame may be held back by a proxy. */
  #onTimeout() {
    if (!this.#mayBeHeld) return this.fail();
    this.usePolling = true;
    this.reopen();
  }
}
