import { Timer } from "./timer.js";
import { Turns } from "./turns.js";

// Everybody on a page may hear of the same event: they ask within so many
// milliseconds, not all at once, and once for what comes together.
const SPREAD = 500;

/** `<notification-bell>`: shows how much is unread, as the server counts it. */
export class NotificationBell extends HTMLElement {
  #refresh = new Turns(() => this.#count());
  #timer = new Timer(() => this.#refresh.ask());

  connectedCallback() {
    document.addEventListener("notifications", this.#soon);
    document.addEventListener("visibilitychange", this.#soon);
    window.addEventListener("pageshow", this.#shown);
  }

  disconnectedCallback() {
    document.removeEventListener("notifications", this.#soon);
    document.removeEventListener("visibilitychange", this.#soon);
    window.removeEventListener("pageshow", this.#shown);
    this.#timer.stop();
  }

  #soon = () => {
    if (document.hidden || this.#timer.running) return;
    this.#timer.start(SPREAD * (0.2 + 0.8 * Math.random()));
  };

  /** A page that one comes back to has the number of when one left it. */
  #shown = ({ persisted }) => {
    const [navigation] = performance.getEntriesByType("navigation");
    if (persisted || navigation?.type === "back_forward") this.#refresh.ask();
  };

  async #count() {
    const options = { headers: { Accept: "application/json" }, cache: "no-store" };
    const response = await fetch(this.#link.href, options).catch(() => null);
    if (response?.ok && !response.redirected) this.#show((await response.json()).unread);
  }

  #show(unread) {
    const { limit, none, some } = this.dataset;
    const shown = unread < limit ? `${unread}` : `${limit - 1}+`;
    const badge = this.querySelector(".bell-count");
    badge.textContent = shown;
    badge.hidden = !unread;
    this.#link.setAttribute("aria-label", unread ? some.replace("%d", shown) : none);
  }

  get #link() {
    return this.querySelector(".bell");
  }
}
