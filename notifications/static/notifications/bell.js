/**
 * `<notification-bell>`: shows how much is unseen, as the server counts it, and opens
 * a panel; without scripts its form leads to the inbox.
 */
export class NotificationBell extends HTMLElement {
  connectedCallback() {
    document.addEventListener("notifications:count", this.#counted);
    // Browsers that know no popovers keep the form.
    if (this.popover === null) this.#prepare(this.#button, this.#panel);
  }

  disconnectedCallback() {
    document.removeEventListener("notifications:count", this.#counted);
  }

  #prepare(button, panel) {
    panel.hidden = false;
    button.type = "button";
    button.popoverTargetElement = panel;
    button.setAttribute("aria-haspopup", "dialog");
    button.setAttribute("aria-controls", panel.id);
    button.setAttribute("aria-expanded", false);
    panel.addEventListener("toggle", this.#toggled);
    panel.addEventListener("click", this.#followed);
  }

  /** Null is what the server did not know. */
  #counted = ({ detail: { unseen } }) => {
    if (unseen !== null) this.#show(unseen);
  };

  #toggled = ({ newState }) => {
    const open = newState === "open";
    this.#button.setAttribute("aria-expanded", open);
    if (!open) return;
    this.#show(0);
    this.#panel.querySelector("notification-inbox").refresh();
  };

  /** A link may lead to the page that one is on. */
  #followed = ({ target }) => {
    if (target.closest("a")) this.#panel.hidePopover();
  };

  #show(unseen) {
    const { limit, none, some } = this.dataset;
    const shown = unseen < limit ? `${unseen}` : `${limit - 1}+`;
    const badge = this.querySelector(".bell-count");
    badge.textContent = shown;
    badge.hidden = !unseen;
    this.#button.setAttribute("aria-label", unseen ? some.replace("%d", shown) : none);
  }

  get #button() {
    return this.querySelector(".bell");
  }

  get #panel() {
    return this.querySelector("[popover]");
  }
}
