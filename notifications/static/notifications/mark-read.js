import { post } from "./http.js";
import { Timer } from "./timer.js";

// In milliseconds: for how long after that the unseen count may still have what was marked.
const HOLD = 1000;

/**
 * `<mark-read>`: while the page is visible, marks what the inbox has about its topic as
 * read, with a POST to `data-url`. What arrives while the page also has the focus does not
 * ring: the bell gets the count after it was marked.
 */
export class MarkRead extends HTMLElement {
  #isRead = false;
  // How many requests about events that just arrived have no response yet.
  #marking = 0;
  // The last count that the bell did not get.
  #held = null;
  #hold = new Timer(() => this.#release());

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#onLook);
    addEventListener("focus", this.#onLook);
    document.addEventListener("notifications", this.#onEvent);
    // Before the bell.
    addEventListener("notifications:count", this.#onCount, true);
    this.#onLook();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#onLook);
    removeEventListener("focus", this.#onLook);
    document.removeEventListener("notifications", this.#onEvent);
    removeEventListener("notifications:count", this.#onCount, true);
    this.#release();
  }

  #onLook = () => {
    if (!this.#isRead && !document.hidden) this.#mark();
  };

  /** A reset has neither topics nor a link. */
  #onEvent = ({ detail: { topics = [], url } }) => {
    if (!topics.includes(this.dataset.notificationsTopic) && !leadsHere(url)) return;
    this.#isRead = false;
    if (document.hidden || !document.hasFocus()) return;
    this.#hold.stop();
    this.#marking++;
    this.#mark().then(() => --this.#marking || this.#hold.start(HOLD));
  };

  #onCount = (event) => {
    if (!this.#marking && !this.#hold.running) return;
    event.stopPropagation();
    this.#held = event.detail;
  };

  async #mark() {
    this.#isRead = true;
    const { notificationsTopic: topic, url } = this.dataset;
    const response = await post(url, { topic }, { within: this });
    // It is tried again when somebody looks again.
    if (!response?.ok) this.#isRead = false;
  }

  #release() {
    this.#hold.stop();
    const detail = this.#held;
    this.#held = null;
    if (detail) dispatchCount(detail);
  }
}

function dispatchCount(detail) {
  const event = new CustomEvent("notifications:count", { bubbles: true, detail });
  document.body.dispatchEvent(event);
}

function leadsHere(url) {
  if (!url || !URL.canParse(url, location)) return false;
  return new URL(url, location).pathname === location.pathname;
}

export const start = () => customElements.define("mark-read", MarkRead);
