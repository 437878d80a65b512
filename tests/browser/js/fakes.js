/** What the modules are tested with instead of what the browser has. */

/** Timers that run when a test says how much time has passed. */
export class Clock {
  #timers = new Map();
  #next = 1;
  now = 0;

  setTimeout(action, after) {
    this.#timers.set(this.#next, [this.now + after, action]);
    return this.#next++;
  }

  clearTimeout(id) {
    this.#timers.delete(id);
  }

  pass(milliseconds) {
    this.now += milliseconds;
    for (const [id, [due, action]] of [...this.#timers]) {
      if (due <= this.now && this.#timers.delete(id)) action();
    }
  }

  get waiting() {
    return this.#timers.size;
  }
}

/** An EventSource that sends what a test says. */
export class FakeEventSource extends EventTarget {
  static all = [];
  readyState = 0;

  constructor(url) {
    super();
    this.url = url;
    FakeEventSource.all.push(this);
  }

  close() {
    this.readyState = 2;
    this.closed = true;
  }

  send(type, detail, lastEventId) {
    const data = JSON.stringify(detail);
    this.dispatchEvent(new MessageEvent(type, { data, lastEventId }));
  }

  fail(readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }

  get query() {
    return new URLSearchParams(this.url.split("?")[1]);
  }

  static get open() {
    return FakeEventSource.all.filter((each) => !each.closed);
  }

  static get last() {
    return FakeEventSource.all.at(-1);
  }
}

/** Gives each lock to one holder at a time, in the order of requests; a thief goes first. */
export class Locks {
  #holders = new Map();
  #waiting = [];

  request(name, { signal, steal }, hold) {
    return new Promise((done, fail) => {
      const each = { name, signal, hold, done, fail };
      signal?.addEventListener("abort", () => fail(new DOMException("", "AbortError")));
      if (steal) {
        this.#rob(name);
        this.#waiting.unshift(each);
      } else {
        this.#waiting.push(each);
      }
      setTimeout(() => this.#next(name));
    });
  }

  #rob(name) {
    this.#holders.get(name)?.fail(new DOMException("", "AbortError"));
    this.#holders.delete(name);
  }

  async #next(name) {
    const each = this.#waiting.find((one) => one.name === name);
    if (!each || this.#holders.has(name)) return;
    this.#waiting.splice(this.#waiting.indexOf(each), 1);
    this.#holders.set(name, each);
    if (!each.signal?.aborted) await each.hold();
    each.done();
    if (this.#holders.get(name) === each) this.#holders.delete(name);
    this.#next(name);
  }
}

/** Channels as BroadcastChannel opens them; a message arrives in a later task. */
export class Channels {
  #open = new Set();

  open = (name) => {
    const channel = {
      name,
      postMessage: (data) => this.#post(channel, structuredClone(data)),
      close: () => this.#open.delete(channel),
    };
    this.#open.add(channel);
    return channel;
  };

  #post(from, data) {
    for (const each of [...this.#open]) {
      if (each !== from && each.name === from.name) {
        setTimeout(() => this.#open.has(each) && each.onmessage({ data }));
      }
    }
  }
}

/** Return a response with this body as JSON. */
export function reply(status, body, headers = {}) {
  const text = body === undefined ? null : JSON.stringify(body);
  return new Response(text, { status, headers });
}

/** Let a document be hidden, or visible again. */
export function hide(hidden, page = document) {
  Object.defineProperty(page, "hidden", { value: hidden, configurable: true });
  page.dispatchEvent(new Event("visibilitychange"));
}

/** Wait until what was scheduled has run, and what that schedules. */
export async function settle(turns = 5) {
  while (turns--) await new Promise((done) => setTimeout(done));
}
