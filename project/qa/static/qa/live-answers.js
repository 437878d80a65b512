import { CoalescingTask } from "../notifications/coalescing-task.js";
import { fetchPage } from "../notifications/http.js";
import { reconcile } from "../notifications/reconcile.js";
import { Retry } from "../notifications/retry.js";

const EVENTS = ["new_answer", "comment", "retracted", "reset"].map(
  (name) => `notifications:${name}`,
);

/**
 * `<live-answers>`: shows new answers and comments, as the server renders them, and
 * removes deleted ones. Events that arrive together lead to one request for the page.
 */
export class LiveAnswers extends HTMLElement {
  #loading = new CoalescingTask(() => this.#load());
  #retry = new Retry(() => this.#loading.request());

  connectedCallback() {
    for (const each of EVENTS) document.addEventListener(each, this);
  }

  disconnectedCallback() {
    for (const each of EVENTS) document.removeEventListener(each, this);
    this.#retry.stop();
  }

  /** A reset has no topics. */
  handleEvent({ detail }) {
    const { notificationsTopic } = this.dataset;
    if (detail?.topics?.includes(notificationsTopic) ?? true) this.#loading.request();
  }

  async #load() {
    const page = await fetchPage(location.pathname + location.search);
    if (!page) return this.#retry.failed();
    this.#retry.succeeded();
    this.#keepScroll(() => this.#keepFocus(() => this.#show(page)));
  }

  #show(page) {
    for (const list of document.querySelectorAll("#answers, #comments")) {
      // Without a question, its page has no answers either.
      reconcile(list, page.getElementById(list.id) ?? page.createElement("p"));
    }
  }

  /** Move the focus from an answer that is removed to the list. */
  #keepFocus(change) {
    const had = this.contains(document.activeElement);
    change();
    if (!had || this.contains(document.activeElement)) return;
    this.tabIndex = -1;
    this.focus({ preventScroll: true });
  }

  /**
   * Keep what is below the answers in its place. Scroll anchoring of browsers does that
   * only partly: not at the top of a page, and not in Safari.
   */
  #keepScroll(change) {
    const before = this.getBoundingClientRect().bottom;
    change();
    const below = before < 0 || document.activeElement.matches("textarea");
    if (below) scrollBy(0, this.getBoundingClientRect().bottom - before);
  }
}

customElements.define("live-answers", LiveAnswers);
