/** Runs an async action, one run at a time; requests during a run lead to one more. */
export class CoalescingTask {
  #action;
  #requested = false;
  #running = false;

  constructor(action) {
    this.#action = action;
  }

  request() {
    this.#requested = true;
    if (!this.#running) this.#run();
  }

  async #run() {
    this.#running = true;
    try {
      while (this.#requested) await this.#next();
    } finally {
      this.#running = false;
    }
  }

  #next() {
    this.#requested = false;
    return this.#action();
  }
}
