import { Timer } from "./timer.js";

const MAX_DELAY = 60_000;

/** Statuses after which a retry is pointless. */
export const FINAL = new Set([204, 400, 401, 403, 404, 409]);

/** Return a random delay in milliseconds, so that clients do not retry together. */
export function backoff(failures, { first, random }) {
  return random * Math.min(MAX_DELAY, first * 2 ** failures);
}

/** Retries an action, with a longer delay after each failure in a row. */
export class Retry {
  #timer;
  #nextDelay;
  #failures = 0;

  /** `first` is the maximum of the first delay, in milliseconds. */
  constructor(action, { first = 1000, clock, random = Math.random } = {}) {
    this.#timer = new Timer(action, clock);
    this.#nextDelay = () => backoff(this.#failures++, { first, random: random() });
  }

  failed(minimum = 0) {
    this.#timer.start(minimum + this.#nextDelay());
  }

  succeeded() {
    this.#failures = 0;
  }

  stop() {
    this.#timer.stop();
  }
}
