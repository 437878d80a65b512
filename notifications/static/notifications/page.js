import { Timer } from "./timer.js";
import { LIMIT } from "./unseen-rows.js";

// In milliseconds: until a lost connection is shown, and between two announcements.
const NOTICE_DELAY = 5000;
const ANNOUNCEMENT_PAUSE = 5000;

/** Add a live region, which screen readers read out when it changes. */
function addLiveRegion(name) {
  const region = document.createElement("p");
  region.className = name;
  // Turbo keeps a copy of the page for later, without it.
  region.dataset.turboTemporary = "";
  region.setAttribute("role", "status");
  document.body.append(region);
  return region;
}

/** Dispatches events in the page; shows a notice while the connection is lost. */
export class Page {
  #texts;
  #notice = null;
  #delay;
  // The events that wait for what listens to them, and how many promises they wait for.
  #held = [];
  #holds = 0;

  /** `texts` has `textLost` and `textStopped`. */
  constructor(texts, clock) {
    this.#texts = texts;
    this.#delay = new Timer(() => this.#show(texts.textLost), clock);
  }

  /** Hold events back until a promise, if it is one, is fulfilled. */
  async hold(ready) {
    if (!ready) return;
    this.#holds += 1;
    await ready;
    this.#holds -= 1;
    if (!this.#holds) for (const each of this.#held.splice(0)) this.dispatch(...each);
  }

  dispatch(type, detail) {
    // What is held was for somebody else. What listens to `user` is loaded from the start.
    if (type === "user") this.forget();
    else if (this.#holds) return this.#held.push([type, detail]);
    this.#dispatchEvent(`notifications:${type}`, detail);
    if (!/^(user|count|presence|retracted)$/.test(type)) this.#dispatchEvent("notifications", detail);
  }

  setState(state) {
    document.documentElement.dataset.notifications = state;
    if (state === "stopped") this.#show(this.#texts.textStopped);
    else if (state === "live" || state === "polling") this.#hide();
    else if (!this.#delay.running && !this.#notice?.isConnected) this.#delay.start(NOTICE_DELAY);
  }

  /** Forget the events that are held back: another page is shown now. */
  forget() {
    this.#held = [];
  }

  stop() {
    this.#hide();
    this.forget();
  }

  #hide() {
    this.#delay.stop();
    this.#notice?.remove();
    this.#notice = null;
  }

  #dispatchEvent(name, detail) {
    const event = new CustomEvent(name, { bubbles: true, detail });
    document.body.dispatchEvent(event);
  }

  #show(text) {
    this.#hide();
    // A hidden page may have given up its connection.
    if (document.hidden) return this.#delay.start(NOTICE_DELAY);
    this.#notice = addLiveRegion("notifications-notice");
    this.#notice.textContent = text;
  }
}

/** Tell whether it is within the quiet hours of the person; see quiet-hours.js. */
function isQuiet() {
  return "notificationsQuiet" in document.documentElement.dataset;
}

/** Shows what is unseen in the title of a hidden page, and to screen readers. */
export class Unseen {
  #texts;
  // How many events there are, how many rows, and how many rows were announced.
  #unseen;
  #rows;
  #announced;
  // The title of the page, and that with the number of rows.
  #title;
  #shownTitle;
  #region = null;
  #pause;

  /** `texts` has `textUnseenOne` and `textUnseenMany`. */
  constructor(texts, { unseen, rows }, clock) {
    this.#texts = texts;
    this.#unseen = unseen;
    this.#rows = this.#announced = rows;
    this.#pause = new Timer(() => this.#announce(), clock);
  }

  start() {
    this.#region ??= addLiveRegion("notifications-announcer");
    document.addEventListener("notifications:count", this.#onCount);
    document.addEventListener("visibilitychange", this.#updateTitle);
  }

  stop() {
    document.removeEventListener("notifications:count", this.#onCount);
    document.removeEventListener("visibilitychange", this.#updateTitle);
    this.#pause.stop();
    this.#region?.remove();
    if (document.title === this.#shownTitle) document.title = this.#title;
  }

  get #text() {
    return this.#unseen < LIMIT ? this.#rows : `${Math.min(this.#rows, LIMIT - 1)}+`;
  }

  #onCount = ({ detail }) => {
    this.#unseen = detail.unseen;
    this.#rows = detail.rows;
    this.#updateTitle();
    if (!this.#pause.running) this.#announce();
  };

  #updateTitle = () => {
    if (document.title !== this.#shownTitle) this.#title = document.title;
    const prefix = document.hidden && this.#rows && !isQuiet() ? `(${this.#text}) ` : "";
    document.title = this.#shownTitle = prefix + this.#title;
  };

  #announce() {
    const increased = this.#rows > this.#announced && !document.hidden && !isQuiet();
    this.#announced = this.#rows;
    if (!increased) return;
    const { textUnseenOne, textUnseenMany } = this.#texts;
    const text = this.#rows === 1 ? textUnseenOne : textUnseenMany;
    this.#region.textContent = text.replace("%d", this.#text);
    this.#pause.start(ANNOUNCEMENT_PAUSE);
  }
}
