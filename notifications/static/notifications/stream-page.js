import { FINAL, Retry } from "./retry.js";

const MAX_ENTRIES = 200;

/**
 * `<event-log>`: shows the stream at the URL of the page, each event as received. It
 * uses fetch, since EventSource hides the status and the events of unknown names.
 */
export class EventLog extends HTMLElement {
  #abort = null;
  #cursor = "";
  #retry = new Retry(() => this.#open());

  connectedCallback() {
    this.setAttribute("role", "log");
    this.#open();
  }

  disconnectedCallback() {
    this.#retry.stop();
    this.#abort?.abort();
  }

  async #open() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const problem = await this.#read(signal).catch((error) => `${error}`);
    if (signal.aborted) return;
    this.#show(problem, "problem");
    if (!problem.startsWith("refused")) this.#retry.failed();
  }

  /** Show events until the stream ends; return the reason. */
  async #read(signal) {
    const headers = { Accept: "text/event-stream" };
    if (this.#cursor) headers["Last-Event-ID"] = this.#cursor;
    const response = await fetch(location.href, { headers, signal, cache: "no-store" });
    if (response.status !== 200) return this.#refusal(response);
    await this.#readEvents(response.body.pipeThrough(new TextDecoderStream()).getReader());
    return "closed by the server";
  }

  async #refusal(response) {
    const word = FINAL.has(response.status) ? "refused" : "not now";
    return `${word}: ${response.status} ${(await response.text()).trim().slice(0, 200)}`;
  }

  async #readEvents(reader) {
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) this.#onEvent(block);
    }
  }

  #onEvent(block) {
    this.#retry.succeeded();
    this.#cursor = block.match(/^id: (.*)$/m)?.[1] ?? this.#cursor;
    this.#show(block, block.match(/^event: (.*)$/m)?.[1] ?? "message");
  }

  #show(text, kind) {
    const entry = document.createElement("pre");
    entry.dataset.kind = kind;
    entry.textContent = text;
    this.append(entry);
    if (this.childElementCount > MAX_ENTRIES) this.firstElementChild.remove();
  }
}

customElements.define("event-log", EventLog);
