import { Timer } from "./timer.js";

// Milliseconds before the notice, between two sentences, and between two looks.
const PATIENCE = 5000;
const PAUSE = 5000;
const TICK = 30_000;
const DAY = 86_400_000;
const UNITS = Object.entries({ day: DAY, hour: 3_600_000, minute: 60_000 });
const LIMIT = 100;

/** Add what is read out when it changes. */
function addStatus(name) {
  const status = document.createElement("p");
  status.className = name;
  status.setAttribute("role", "status");
  document.body.append(status);
  return status;
}

/** Tells a page what comes; says on it that nothing comes, once that has lasted. */
export class Page {
  #texts;
  #notice = null;
  #late;

  /** `texts` has `textLost` and `textStopped`. */
  constructor(texts, clock) {
    this.#texts = texts;
    this.#late = new Timer(() => this.#show(texts.textLost), clock);
  }

  tell(type, detail) {
    this.#dispatch(`notifications:${type}`, detail);
    if (type !== "count") this.#dispatch("notifications", detail);
  }

  become(state) {
    document.documentElement.dataset.notifications = state;
    if (state === "stopped") this.#show(this.#texts.textStopped);
    else if (state === "live" || state === "polling") this.stop();
    else if (!this.#late.running && !this.#notice) this.#late.start(PATIENCE);
  }

  stop() {
    this.#late.stop();
    this.#notice?.remove();
    this.#notice = null;
  }

  #dispatch(name, detail) {
    const event = new CustomEvent(name, { bubbles: true, detail });
    document.body.dispatchEvent(event);
  }

  #show(text) {
    this.stop();
    // A hidden page may have let its connection rest.
    if (document.hidden) return this.#late.start(PATIENCE);
    this.#notice = addStatus("notifications-notice");
    this.#notice.textContent = text;
  }
}

/** Tells how much is unseen: in a hidden page's title, and to who listens. */
export class Unseen {
  #texts;
  #number;
  #said;
  #title;
  #marked;
  #region = null;
  #pause;

  /** `texts` has `unseen`, `textUnseenOne` and `textUnseenMany`. */
  constructor(texts, clock) {
    this.#texts = texts;
    this.#number = this.#said = Number(texts.unseen);
    this.#pause = new Timer(() => this.#say(), clock);
  }

  start() {
    this.#region ??= addStatus("notifications-said");
    document.addEventListener("notifications:count", this.#count);
    document.addEventListener("visibilitychange", this.#mark);
  }

  stop() {
    document.removeEventListener("notifications:count", this.#count);
    document.removeEventListener("visibilitychange", this.#mark);
    this.#pause.stop();
  }

  get #shown() {
    return this.#number < LIMIT ? this.#number : `${LIMIT - 1}+`;
  }

  #count = ({ detail }) => {
    this.#number = detail.unseen;
    this.#mark();
    if (!this.#pause.running) this.#say();
  };

  #mark = () => {
    if (document.title !== this.#marked) this.#title = document.title;
    const mark = document.hidden && this.#number ? `(${this.#shown}) ` : "";
    document.title = this.#marked = mark + this.#title;
  };

  #say() {
    const grown = this.#number > this.#said && !document.hidden;
    this.#said = this.#number;
    if (!grown) return;
    const { textUnseenOne, textUnseenMany } = this.#texts;
    const text = this.#number === 1 ? textUnseenOne : textUnseenMany;
    this.#region.textContent = text.replace("%d", this.#shown);
    this.#pause.start(PAUSE);
  }
}

/** Says how long ago each `<time data-relative>` was, as time goes by. */
export class RelativeTimes {
  #now;
  #tick;
  #added = new MutationObserver(() => this.#show(":not([title])"));

  constructor(now = Date.now, clock) {
    this.#now = now;
    this.#tick = new Timer(this.#seen, clock);
  }

  start() {
    document.addEventListener("visibilitychange", this.#seen);
    this.#added.observe(document.body, { childList: true, subtree: true });
    this.#seen();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.#seen);
    this.#added.disconnect();
    this.#tick.stop();
  }

  #seen = () => {
    this.#tick.stop();
    if (document.hidden) return;
    this.#show("");
    this.#tick.start(TICK);
  };

  #show(which) {
    for (const each of document.querySelectorAll(`time[data-relative]${which}`)) {
      const time = Date.parse(each.dateTime);
      if (!time) continue;
      each.textContent = this.#ago(time);
      each.title = date(time, { dateStyle: "full", timeStyle: "short" });
    }
  }

  #ago(time) {
    const age = Math.max(0, this.#now() - time);
    if (age >= 30 * DAY) return date(time, { dateStyle: "medium" });
    const [unit, size] = UNITS.find(([, each]) => age >= each) ?? ["second", Infinity];
    // Only of nothing: "now".
    const style = { numeric: size === Infinity ? "auto" : "always" };
    const { lang } = document.documentElement;
    return new Intl.RelativeTimeFormat(lang, style).format(-Math.floor(age / size), unit);
  }
}

function date(time, style) {
  return new Intl.DateTimeFormat(document.documentElement.lang, style).format(time);
}
