import { features } from "./features.js";

const INTENTS = ["pointerenter", "focusin"];

/**
 * `<notification-bell>`: shows how many rows have unseen events, as the server counts them,
 * and opens a panel. Without scripts, its form leads to the inbox.
 */
export class NotificationBell extends HTMLElement {
  connectedCallback() {
    document.addEventListener("notifications:count", this.#onCount);
    // Browsers without popovers keep the form.
    if (this.popover === null) this.#prepare(this.#button, this.#panel);
  }

  disconnectedCallback() {
    document.removeEventListener("notifications:count", this.#onCount);
  }

  #prepare(button, panel) {
    panel.hidden = false;
    button.type = "button";
    button.popoverTargetElement = panel;
    button.setAttribute("aria-haspopup", "dialog");
    button.setAttribute("aria-controls", panel.id);
    button.setAttribute("aria-expanded", false);
    panel.addEventListener("toggle", this.#onToggle);
    panel.addEventListener("click", this.#onPanelClick);
    for (const type of INTENTS) this.addEventListener(type, loadInbox, { once: true });
  }

  /** The count is null while the server does not know it. */
  #onCount = ({ detail: { unseen, rows } }) => {
    if (unseen !== null) this.#show(rows, unseen);
  };

  #onToggle = ({ newState }) => {
    const open = newState === "open";
    this.#button.setAttribute("aria-expanded", open);
    if (!open) return;
    this.#show(0, 0);
    loadInbox();
    // Without its module yet, it loads the rows by itself.
    this.#panel.querySelector("notification-inbox").refresh?.();
  };

  /** A link may lead to the current page, which would leave the panel open. */
  #onPanelClick = ({ target }) => {
    if (target.closest("a")) this.#panel.hidePopover();
  };

  /** From `limit` unseen events on, there may be more rows. */
  #show(rows, unseen) {
    const { limit, none, some } = this.dataset;
    const shown = unseen < limit ? `${rows}` : `${Math.min(rows, limit - 1)}+`;
    const badge = this.querySelector(".notifications-bell-count");
    badge.textContent = shown;
    badge.hidden = !rows;
    this.#button.setAttribute("aria-label", rows ? some.replace("%d", shown) : none);
  }

  get #button() {
    return this.querySelector(".notifications-bell");
  }

  get #panel() {
    return this.querySelector("[popover]");
  }
}

/** A panel is not opened on every page. */
function loadInbox() {
  features.load("inbox").catch(() => {});
}
