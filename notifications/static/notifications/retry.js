import { backoff } from "./backoff.js";
import { Timer } from "./timer.js";

/** Tries an action again, later with each failure in a row. */
export class Retry {
  #timer;
  #first;
  #random;
  #failures = 0;

  /** `first` is in milliseconds: how long to wait after the first failure. */
  constructor(action, { first = 1000, clock = globalThis, random = Math.random } = {}) {
    this.#timer = new Timer(action, clock);
    this.#first = first;
    this.#random = random;
  }

  failed() {
    const chance = { first: this.#first, random: this.#random() };
    this.#timer.start(backoff(this.#failures++, chance));
  }

  succeeded() {
    this.#failures = 0;
  }

  stop() {
    this.#timer.stop();
  }
}
