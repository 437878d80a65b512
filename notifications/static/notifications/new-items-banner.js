import { fetchPage } from "./http.js";
import { renew } from "./renew.js";

/**
 * `<new-items-banner>`: counts the new items that the page does not show, and brings
 * them into the element that `data-list` names; without that, it leads to the page.
 */
export class NewItemsBanner extends HTMLElement {
  #urls = new Map();

  connectedCallback() {
    document.addEventListener(this.#name, this.#arrived);
    document.addEventListener("notifications:reset", this.#lost);
    this.addEventListener("click", this.#taken);
  }

  disconnectedCallback() {
    document.removeEventListener(this.#name, this.#arrived);
    document.removeEventListener("notifications:reset", this.#lost);
  }

  get #name() {
    return `notifications:${this.dataset.event}`;
  }

  #arrived = ({ detail: { topics, uid, url } }) => {
    if (!this.#concerns(topics)) return;
    this.#urls.set(uid, url);
    this.#count();
  };

  /** How many came is not known any more. */
  #lost = () => this.#offer(this.dataset.some);

  #concerns(topics) {
    const topic = this.dataset.notificationsTopic;
    if (!topic.endsWith(":*")) return topics.includes(topic);
    return topics.some((each) => each.startsWith(topic.slice(0, -1)));
  }

  /** The page may have been rendered with some of what came. */
  #count() {
    for (const [uid, url] of this.#urls) if (isShown(url)) this.#urls.delete(uid);
    const { size } = this.#urls;
    const { one, many } = this.dataset;
    if (size) this.#offer((size === 1 ? one : many).replace("%d", size));
    else this.replaceChildren();
  }

  #offer(text) {
    const link = this.querySelector("a") ?? document.createElement("a");
    link.className = "new-items-banner";
    link.href = location.pathname;
    link.textContent = text;
    if (!link.isConnected) this.append(link);
  }

  #taken = async (event) => {
    const { href } = this.querySelector("a");
    const list = document.getElementById(this.dataset.list);
    if (!list || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const fresh = (await fetchPage(href))?.getElementById(list.id);
    if (!fresh) return location.assign(href);
    renew(list, fresh);
    this.#count();
    list.querySelector(".arrived a, a")?.focus();
  };
}

function isShown(url) {
  return url && document.querySelector(`a[href="${CSS.escape(url)}"]`) !== null;
}
