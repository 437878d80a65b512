import { CoalescingTask } from "../notifications/coalescing-task.js";
import { fetchPage } from "../notifications/http.js";
import { reconcile } from "../notifications/reconcile.js";
import { Retry } from "../notifications/retry.js";

/**
 * `<live-answers>`: shows new answers to the question, as the server renders them, and
 * removes deleted ones. Events that arrive together lead to one request for the page.
 */
export class LiveAnswers extends HTMLElement {
  #loading = new CoalescingTask(() => this.#load());
  #retry = new Retry(() => this.#loading.request());

  connectedCallback() {
    document.addEventListener("notifications:new_answer", this.#onAnswer);
    document.addEventListener("notifications:retracted", this.#onRetracted);
    document.addEventListener("notifications:reset", this.#onReset);
  }

  disconnectedCallback() {
    document.removeEventListener("notifications:new_answer", this.#onAnswer);
    document.removeEventListener("notifications:retracted", this.#onRetracted);
    document.removeEventListener("notifications:reset", this.#onReset);
    this.#retry.stop();
  }

  #onAnswer = ({ detail }) => {
    const matches = `question:${detail.question_id}` === this.dataset.notificationsTopic;
    const shown = document.getElementById(`answer-${detail.answer_id}`);
    if (matches && !shown) this.#loading.request();
  };

  #onRetracted = ({ detail: { topics } }) => {
    if (topics.includes(this.dataset.notificationsTopic)) this.#loading.request();
  };

  #onReset = () => this.#loading.request();

  async #load() {
    const page = await fetchPage(location.pathname + location.search);
    if (!page) return this.#retry.failed();
    this.#retry.succeeded();
    // Without a question, its page has no answers either.
    const fresh = page.querySelector(this.localName) ?? page.createElement("p");
    this.#keepScroll(() => this.#keepFocus(() => reconcile(this, fresh)));
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
