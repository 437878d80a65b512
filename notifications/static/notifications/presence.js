/** `<live-presence>` of `{% presence topic %}` shows who has a page of a topic open. */
class LivePresence extends HTMLElement {
  connectedCallback() {
    document.addEventListener("notifications:presence", this.#onPresence);
  }

  disconnectedCallback() {
    document.removeEventListener("notifications:presence", this.#onPresence);
  }

  #onPresence = ({ detail: { topic, count, people } }) => {
    const { notificationsTopic, one, many } = this.dataset;
    if (topic !== notificationsTopic) return;
    const text = count && (count === 1 ? one : many).replace("%d", count);
    const names = people.map(({ name }) => name).join(", ");
    this.querySelector(".notifications-presence-count").textContent = text || "";
    this.querySelector(".notifications-presence-names").textContent = names;
  };
}

export const start = () => customElements.define("live-presence", LivePresence);
