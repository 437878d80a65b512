import { submitNatively } from "./http.js";
import { closeMenu } from "./menus.js";
import { showFailure } from "./toasts.js";

/** `<follow-button>`: sends its form without leaving the page. */
export class FollowButton extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", this.#onSubmit);
  }

  #onSubmit = (event) => {
    event.preventDefault();
    const { submitter } = event;
    closeMenu(submitter.closest("details"));
    this.#send(submitter, submitter.value);
  };

  async #send(submitter, level) {
    const { form } = submitter;
    const response = await fetch(form.action, request(form, level)).catch(() => null);
    if (response?.ok) this.#show(level);
    else if (response) submitNatively(submitter);
    else showFailure(() => this.#send(submitter, level));
  }

  #show(level) {
    const [main, ...choices] = this.querySelectorAll("[name=level]");
    for (const each of choices) each.ariaPressed = each.value === level;
    const { state, label } = choices.find(({ value }) => value === level).dataset;
    main.textContent = state;
    main.ariaLabel = label;
    main.ariaPressed = level !== "none";
    main.value = level === "none" ? "follow" : "none";
  }
}

function request({ csrfmiddlewaretoken }, level) {
  const headers = { "X-CSRFToken": csrfmiddlewaretoken.value };
  return { method: "PUT", headers, body: new URLSearchParams({ level }) };
}

export const start = () => customElements.define("follow-button", FollowButton);
