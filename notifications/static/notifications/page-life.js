import { Timer } from "./timer.js";

// A browser opens six connections to a server over HTTP/1.1, and each stream is one:
// a page that nobody sees gives its own back, and goes on from its cursor later.
const UNSEEN = 5000;

/** Has a stream open while its page is seen. */
export class PageLife {
  #stream;
  #window;
  #document;
  #unseen;

  constructor(stream, { window = globalThis, clock = globalThis } = {}) {
    this.#stream = stream;
    this.#window = window;
    this.#document = window.document;
    this.#unseen = new Timer(() => this.#stream.stop(), clock);
  }

  start() {
    this.#document.addEventListener("visibilitychange", this.#seen);
    this.#window.addEventListener("pageshow", this.#seen);
    this.#window.addEventListener("pagehide", this.#left);
    this.#window.addEventListener("online", this.#online);
    this.#seen();
  }

  stop() {
    this.#document.removeEventListener("visibilitychange", this.#seen);
    this.#window.removeEventListener("pageshow", this.#seen);
    this.#window.removeEventListener("pagehide", this.#left);
    this.#window.removeEventListener("online", this.#online);
    this.#left();
  }

  #seen = () => {
    if (this.#document.hidden) return this.#unseen.start(UNSEEN);
    this.#unseen.stop();
    this.#stream.start();
  };

  #left = () => {
    this.#unseen.stop();
    this.#stream.stop();
  };

  #online = () => {
    this.#stream.stop();
    this.#seen();
  };
}
