import { Timer } from "./timer.js";

// In milliseconds: how often it looks at the clock.
const TICK = 20_000;

/**
 * Tell whether it is quiet: `hours` are like `22:00-07:00`, in a time zone, by default
 * that of the browser, and also if the browser does not know the zone.
 */
export function isQuiet(hours, timeZone, now) {
  const [from, until] = hours.split("-");
  const time = clockIn(timeZone || undefined).format(now);
  const [begun, lasts] = [time >= from, time < until];
  return from < until ? begun && lasts : begun || lasts;
}

function clockIn(timeZone) {
  const style = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat("en-GB", { ...style, timeZone });
  } catch {
    return new Intl.DateTimeFormat("en-GB", style);
  }
}

/**
 * Keeps `<html data-notifications-quiet>` during the quiet hours of the person, who has
 * them in the head of the page. It looks before each new count is shown.
 */
export class QuietHours {
  #now;
  #tick;

  constructor(now = Date.now, clock) {
    this.#now = now;
    this.#tick = new Timer(() => this.update(), clock);
  }

  start() {
    addEventListener("notifications:count", () => this.update(), { capture: true });
    this.update();
  }

  update() {
    const { dataset } = document.querySelector("meta[name=notifications]") ?? {};
    const { quietHours, timeZone } = dataset ?? {};
    const quiet = !!quietHours && isQuiet(quietHours, timeZone, this.#now());
    document.documentElement.toggleAttribute("data-notifications-quiet", quiet);
    this.#tick.start(TICK);
  }
}

export const start = () => new QuietHours().start();
