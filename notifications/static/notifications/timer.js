/** Calls an action once, some time after the last start. */
export class Timer {
  #action;
  #clock;
  #id = null;

  constructor(action, clock = globalThis) {
    this.#action = action;
    this.#clock = clock;
  }

  start(milliseconds) {
    this.stop();
    this.#id = this.#clock.setTimeout(() => this.#fire(), milliseconds);
  }

  stop() {
    this.#clock.clearTimeout(this.#id);
    this.#id = null;
  }

  get running() {
    return this.#id !== null;
  }

  #fire() {
    this.#id = null;
    this.#action();
  }
}
