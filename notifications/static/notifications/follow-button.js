/** `<follow-button>`: sends its form without leaving the page. */
export class FollowButton extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", this.#send);
  }

  disconnectedCallback() {
    this.removeEventListener("submit", this.#send);
  }

  #send = async (event) => {
    event.preventDefault();
    const form = event.target;
    const wanted = form.level.value;
    const response = await fetch(form.action, this.#request(form)).catch(() => null);
    if (response?.ok) this.#show(form, wanted !== "none");
    // The plain way, which shows what is wrong.
    else form.submit();
  };

  #request({ level, csrfmiddlewaretoken }) {
    return {
      method: level.value === "none" ? "DELETE" : "PUT",
      headers: { "X-CSRFToken": csrfmiddlewaretoken.value },
      body: new URLSearchParams({ level: level.value }),
    };
  }

  #show(form, following) {
    const button = form.querySelector("button");
    const { on, off, onLabel, offLabel } = this.dataset;
    form.level.value = following ? "none" : "follow";
    button.textContent = following ? on : off;
    button.setAttribute("aria-pressed", following);
    button.setAttribute("aria-label", following ? onLabel : offLabel);
  }
}
