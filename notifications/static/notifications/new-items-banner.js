/**
 * `<new-items-banner>`: counts the new items that the page does not show, and offers
 * them as a link to the list's first page, which stays as it is till then. Without a
 * topic and an event it counts whatever comes.
 */
export class NewItemsBanner extends HTMLElement {
  #uids = new Set();

  connectedCallback() {
    document.addEventListener(this.#name, this.#arrived);
    document.addEventListener("notifications:reset", this.#lost);
  }

  disconnectedCallback() {
    document.removeEventListener(this.#name, this.#arrived);
    document.removeEventListener("notifications:reset", this.#lost);
  }

  get #name() {
    const { event } = this.dataset;
    return event ? `notifications:${event}` : "notifications";
  }

  #arrived = ({ detail }) => {
    if (!detail.uid || !this.#concerns(detail) || this.#isShown(detail)) return;
    this.#uids.add(detail.uid);
    const { one, many } = this.dataset;
    const text = this.#uids.size === 1 ? one : many;
    this.#offer(text.replace("%d", this.#uids.size));
  };

  /** How many came is not known any more. */
  #lost = () => this.#offer(this.dataset.some);

  #concerns({ topics }) {
    const topic = this.dataset.notificationsTopic;
    if (!topic) return true;
    if (!topic.endsWith(":*")) return topics.includes(topic);
    return topics.some((each) => each.startsWith(topic.slice(0, -1)));
  }

  /** What the page was rendered with, and came again, since its cursor is older. */
  #isShown({ url }) {
    return url && document.querySelector(`a[href="${CSS.escape(url)}"]`) !== null;
  }

  #offer(text) {
    const link = this.querySelector("a") ?? document.createElement("a");
    link.className = "new-items-banner";
    link.href = location.pathname;
    link.textContent = text;
    if (!link.isConnected) this.append(link);
  }
}
