import { fetchPage } from "../notifications/http.js";
import { renew } from "../notifications/renew.js";
import { Retry } from "../notifications/retry.js";
import { Turns } from "../notifications/turns.js";

/**
 * `<live-answers>`: shows the answers that come to the question, as the server
 * renders them. Any number of events leads to one look at the page at a time.
 */
export class LiveAnswers extends HTMLElement {
  #turns = new Turns(() => this.#look());
  #retry = new Retry(() => this.#turns.ask());

  connectedCallback() {
    document.addEventListener("notifications:new_answer", this.#arrived);
    document.addEventListener("notifications:reset", this.#lost);
  }

  disconnectedCallback() {
    document.removeEventListener("notifications:new_answer", this.#arrived);
    document.removeEventListener("notifications:reset", this.#lost);
    this.#retry.stop();
  }

  #arrived = ({ detail }) => {
    const ours = `question:${detail.question_id}` === this.dataset.notificationsTopic;
    if (ours && !document.getElementById(`answer-${detail.answer_id}`)) this.#turns.ask();
  };

  #lost = () => this.#turns.ask();

  async #look() {
    const page = await fetchPage(location.pathname + location.search);
    const fresh = page?.querySelector(this.localName);
    if (!fresh) return this.#retry.failed();
    this.#retry.succeeded();
    this.#keepPlace(() => renew(this, fresh));
  }

  /**
   * What is being read or written below the answers stays in its place. Browsers see
   * to that only in part: not at the top of a page, and Safari not at all.
   */
  #keepPlace(change) {
    const before = this.getBoundingClientRect().bottom;
    change();
    const below = before < 0 || document.activeElement.matches("textarea");
    if (below) scrollBy(0, this.getBoundingClientRect().bottom - before);
  }
}

customElements.define("live-answers", LiveAnswers);
