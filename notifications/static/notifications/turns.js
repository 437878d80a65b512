/** Runs an async action one at a time; who asks during a run gets one more after it. */
export class Turns {
  #action;
  #wanted = false;
  #running = false;

  constructor(action) {
    this.#action = action;
  }

  ask() {
    this.#wanted = true;
    if (!this.#running) this.#run();
  }

  async #run() {
    this.#running = true;
    try {
      while (this.#wanted) await this.#turn();
    } finally {
      this.#running = false;
    }
  }

  #turn() {
    this.#wanted = false;
    return this.#action();
  }
}
