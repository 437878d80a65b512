import { address } from "./connection.js";

const KEPT_FOR = 300_000;

/**
 * A link by long polling, loaded only where it is needed: one request each time it is
 * opened. For who has lost their pair it asks for that instead.
 */
export class PollLink {
  state = "polling";
  #options;
  #abort = new AbortController();

  /** `patience`: a request may take so many milliseconds. */
  constructor({ patience, ...options }) {
    this.patience = patience;
    this.#options = options;
  }

  /** Tell `on` what is heard and that it ended, or that it failed. */
  async open(pair, topics, on) {
    const { signal } = this.#abort;
    const options = { headers: { Accept: "application/json" }, cache: "no-store", signal };
    const wanted = this.#wanted(pair, topics, on);
    const response = await this.#options.fetch(wanted, options).catch(() => null);
    const reply = response?.status === 200 && (await response.json().catch(() => null));
    if (signal.aborted) return;
    if (!reply) return on.failed(response);
    if (pair.lost) this.#recounted(reply, on);
    else this.#tell(reply, on);
  }

  close() {
    this.#abort.abort();
  }

  #wanted(pair, topics, { state }) {
    const { url, inbox } = this.#options;
    if (pair.lost) return `${inbox}?limit=0`;
    // A poll may take long: see first whether it will work.
    return address(url, state === "polling" ? "after" : "", pair, topics);
  }

  #recounted({ unseen, cursor: id }, on) {
    on.take({ type: "reset", id, detail: { reason: "gap" } });
    on.take({ type: "count", id, detail: { unseen } });
    on.ended();
  }

  #tell({ events, cursor }, on) {
    const { storage, now } = this.#options;
    // The next page need not wait to find out.
    if (on.kept) storage.notificationsKept = now() + KEPT_FOR;
    const sure = on.state === "polling";
    const last = { event: "heartbeat", id: sure ? cursor : "", data: {} };
    for (const { event: type, id, data: detail } of [...events, last]) {
      if (!this.#abort.signal.aborted) on.heard({ type, id, detail });
    }
    if (!this.#abort.signal.aborted) on.ended();
  }
}
