import { Timer } from "./timer.js";

// In milliseconds: between two updates.
const TICK = 30_000;
const DAY = 86_400_000;
const UNITS = Object.entries({ day: DAY, hour: 3_600_000, minute: 60_000 });

/** Keeps the text of each `<time data-relative>` up to date. */
export class RelativeTimes {
  #now;
  #tick;
  // The elements that were shown already; the server may have given others a title.
  #known = new WeakSet();
  #observer = new MutationObserver(() => this.#show((each) => !this.#known.has(each)));

  constructor(now = Date.now, clock) {
    this.#now = now;
    this.#tick = new Timer(this.#onVisibilityChange, clock);
  }

  start() {
    document.addEventListener("visibilitychange", this.#onVisibilityChange);
    this.#observer.observe(document.documentElement, { childList: true, subtree: true });
    this.#onVisibilityChange();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.#onVisibilityChange);
    this.#observer.disconnect();
    this.#tick.stop();
  }

  #onVisibilityChange = () => {
    this.#tick.stop();
    if (document.hidden) return;
    this.#show(() => true);
    this.#tick.start(TICK);
  };

  #show(isDue) {
    for (const each of document.querySelectorAll("time[data-relative]")) {
      const time = Date.parse(each.dateTime);
      if (!time || !isDue(each)) continue;
      this.#known.add(each);
      each.textContent = this.#ago(time);
      each.title = date(time, { dateStyle: "full", timeStyle: "short" });
    }
  }

  #ago(time) {
    const age = Math.max(0, this.#now() - time);
    if (age >= 30 * DAY) return date(time, { dateStyle: "medium" });
    const [unit, size] = UNITS.find(([, each]) => age >= each) ?? ["second", Infinity];
    // "auto" turns zero into "now".
    const style = { numeric: size === Infinity ? "auto" : "always" };
    return new Intl.RelativeTimeFormat(locale(), style).format(-Math.floor(age / size), unit);
  }
}

function date(time, style) {
  return new Intl.DateTimeFormat(locale(), style).format(time);
}

/** Return the language of the page, or undefined for that of the browser. */
function locale() {
  try {
    return Intl.getCanonicalLocales(document.documentElement.lang)[0];
  } catch {
    return undefined;
  }
}

export const start = () => new RelativeTimes().start();
