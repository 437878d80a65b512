import { requestUrl } from "./connection.js";

// How long polling is used before a stream is tried again, in milliseconds.
const POLL_DURATION = 300_000;

/**
 * A link by long polling, loaded only where it is needed: one request each time it is
 * opened. A client that lost its position requests a new one instead, and one that
 * lost its unseen count requests that at its cursor.
 */
export class PollLink {
  state = "polling";
  #options;
  #abort = new AbortController();

  /** `timeout` is the longest duration of a request, in milliseconds. */
  constructor({ timeout, ...options }) {
    this.timeout = timeout;
    this.#options = options;
  }

  /** Pass frames to the owner, and that the request has finished or failed. */
  async open(position, topics, owner) {
    const { signal } = this.#abort;
    const options = { headers: { Accept: "application/json" }, cache: "no-store", signal };
    const url = this.#url(position, topics, owner);
    const response = await this.#options.fetch(url, options).catch(() => null);
    const reply = response?.status === 200 && (await response.json().catch(() => null));
    if (signal.aborted) return;
    if (!reply) return owner.fail(response);
    if (position.lost) this.#passRecount(reply, position, owner);
    else this.#passEvents(reply, position, owner);
  }

  close() {
    this.#abort.abort();
  }

  #url(position, topics, { state }) {
    const { url, inbox } = this.#options;
    if (position.lost === "count") return `${inbox}&limit=0&as_of=${position.cursor}`;
    if (position.lost) return `${inbox}&limit=0`;
    // Without a cursor it returns immediately, which shows whether polling works.
    const shown = Object.values(position.presence ?? {}).map((each) => `&presence=${each}`);
    const base = requestUrl(url, state === "polling" ? "after" : "", position, topics);
    return base + shown.join("");
  }

  #passRecount({ unseen, unseen_rows: rows, cursor: id }, { lost }, owner) {
    if (lost === "gap") owner.accept({ type: "reset", id, detail: { reason: "gap" } });
    owner.accept({ type: "count", id, detail: { unseen, rows } });
    owner.finish();
  }

  #passEvents({ events, cursor }, position, owner) {
    const { storage, now } = this.#options;
    // Spares the next page from finding out. A stream that was cut once has a second try:
    // the server may have been restarted.
    if (owner.usePolling && owner.cuts !== 1) storage.notificationsPollUntil = now() + POLL_DURATION;
    const id = owner.state === "polling" ? cursor : "";
    // What is shown of presence, which the server does not tell again.
    for (const { event, data } of events) {
      if (event === "presence") (position.presence ??= {})[data.topic] = data.digest;
    }
    const last = { event: "heartbeat", id, data: {} };
    for (const { event: type, id, data: detail } of [...events, last]) {
      if (!this.#abort.signal.aborted) owner.receive({ type, id, detail });
    }
    if (!this.#abort.signal.aborted) owner.finish();
  }
}
