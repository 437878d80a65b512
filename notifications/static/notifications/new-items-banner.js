import { pageOf, requestPage } from "./http.js";
import { whilePending } from "./pending.js";
import { reconcile } from "./reconcile.js";
import { showFailure } from "./toasts.js";

/**
 * `<new-items-banner>`: counts the new items that the page does not show, and loads
 * them into the element with the id `data-target`. Without one, it links to the page.
 */
export class NewItemsBanner extends HTMLElement {
  #urls = new Map();

  connectedCallback() {
    document.addEventListener(this.#eventName, this.#onEvent);
    document.addEventListener("notifications:retracted", this.#onRetracted);
    document.addEventListener("notifications:reset", this.#onReset);
    this.addEventListener("click", this.#onClick);
  }

  disconnectedCallback() {
    document.removeEventListener(this.#eventName, this.#onEvent);
    document.removeEventListener("notifications:retracted", this.#onRetracted);
    document.removeEventListener("notifications:reset", this.#onReset);
  }

  get #eventName() {
    return `notifications:${this.dataset.event}`;
  }

  #onEvent = ({ detail: { topics, uid, url } }) => {
    if (!this.#matches(topics)) return;
    this.#urls.set(uid, url);
    this.#update();
  };

  #onRetracted = ({ detail: { uid } }) => {
    if (this.#urls.delete(uid)) this.#update();
  };

  /** The number of new items is unknown after a reset. */
  #onReset = () => this.#show(this.dataset.some);

  #matches(topics) {
    const topic = this.dataset.notificationsTopic;
    if (!topic.endsWith(":*")) return topics.includes(topic);
    return topics.some((each) => each.startsWith(topic.slice(0, -1)));
  }

  /** The page may already have been rendered with some of the items. */
  #update() {
    for (const [uid, url] of this.#urls) if (isShown(url)) this.#urls.delete(uid);
    const { size } = this.#urls;
    const { one, many } = this.dataset;
    if (size) this.#show((size === 1 ? one : many).replace("%d", size));
    else this.replaceChildren();
  }

  #show(text) {
    const link = this.querySelector("a") ?? document.createElement("a");
    link.className = "notifications-new-items-banner";
    link.dataset.turboTemporary = "";
    link.href = location.pathname;
    link.textContent = text;
    if (!link.isConnected) this.append(link);
  }

  #onClick = (event) => {
    const target = document.getElementById(this.dataset.target);
    if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#load(target);
  };

  async #load(target) {
    const { href } = this.querySelector("a");
    const response = await whilePending(this.firstElementChild, requestPage(href));
    if (!response) return showFailure(() => this.#load(target));
    const fresh = (await pageOf(response))?.getElementById(target.id);
    if (!fresh) return location.assign(href);
    reconcile(target, fresh);
    this.#update();
    target.querySelector(".notifications-arrived a, a")?.focus();
  }
}

function isShown(url) {
  return url && document.querySelector(`a[href="${CSS.escape(url)}"]`) !== null;
}

export const start = () => customElements.define("new-items-banner", NewItemsBanner);
