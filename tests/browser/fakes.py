"""What the modules are tried with instead of the browser's own, as JavaScript."""

FAKES = """
class Clock {
  #timers = new Map(); #next = 1; now = 0;
  setTimeout(action, after) {
    this.#timers.set(this.#next, [this.now + after, action]);
    return this.#next++;
  }
  clearTimeout(id) { this.#timers.delete(id); }
  pass(milliseconds) {
    this.now += milliseconds;
    for (const [id, [due, action]] of [...this.#timers]) {
      if (due <= this.now && this.#timers.delete(id)) action();
    }
  }
  get waiting() { return this.#timers.size; }
}
class Source extends EventTarget {
  static all = [];
  readyState = 0;
  constructor(url) { super(); this.url = url; Source.all.push(this); }
  close() { this.readyState = 2; this.closed = true; }
  send(type, detail, lastEventId) {
    const data = JSON.stringify(detail);
    this.dispatchEvent(new MessageEvent(type, { data, lastEventId }));
  }
  fail(readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }
  get query() { return new URLSearchParams(this.url.split("?")[1]); }
  static get open() { return Source.all.filter((each) => !each.closed); }
  static get last() { return Source.all.at(-1); }
  static get cursors() {
    return Source.all.map((each) => each.query.get("last_event_id"));
  }
}
// Holds each lock for one at a time, in the order of asking; a thief goes first.
class Locks {
  #holders = new Map();
  #waiting = [];
  request(name, { signal, steal }, hold) {
    return new Promise((done, fail) => {
      const each = { name, signal, hold, done, fail };
      signal?.addEventListener("abort", () => fail(new DOMException("", "AbortError")));
      if (steal) this.#rob(name);
      if (steal) this.#waiting.unshift(each);
      else this.#waiting.push(each);
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
class Channels {
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
const reply = (status, body, headers = {}) =>
  new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
const hide = (hidden, page = document) => {
  Object.defineProperty(page, "hidden", { value: hidden, configurable: true });
  page.dispatchEvent(new Event("visibilitychange"));
};
const settle = async (turns = 5) => {
  while (turns--) await new Promise((done) => setTimeout(done));
};
"""
