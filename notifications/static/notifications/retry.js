import { Timer } from "./timer.js";

const LONGEST = 60_000;

/** Statuses after which asking again changes nothing. */
export const FINAL = new Set([204, 400, 401, 403, 404]);

/** Return milliseconds by chance: those cut off together do not come back together. */
export function backoff(failures, { first, random }) {
  return random * Math.min(LONGEST, first * 2 ** failures);
}

/** Tries an action again, later with each failure in a row. */
export class Retry {
  #timer;
  #wait;
  #failures = 0;

  /** `first` is the longest first wait, in milliseconds. */
  constructor(action, { first = 1000, clock, random = Math.random } = {}) {
    this.#timer = new Timer(action, clock);
    this.#wait = () => backoff(this.#failures++, { first, random: random() });
  }

  failed(least = 0) {
    this.#timer.start(least + this.#wait());
  }

  succeeded() {
    this.#failures = 0;
  }

  stop() {
    this.#timer.stop();
  }
}
