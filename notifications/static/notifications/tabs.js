import { Timer } from "./timer.js";

// Milliseconds for tabs to join together, and until a hidden one rests: HTTP/1.1 has
// six connections, which are gone soon if each tab has its own.
const GATHER = 50;
const ALONE = 5000;
const SHARING = 60_000;

/** Tell whether one cursor is after another. */
export function later(one, other) {
  const [a, b] = [one, other].map((each) => each.split("-").map(BigInt));
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
}

/** Has the connection for all tabs: their topics, from the earliest cursor. */
export class Leader {
  #tab;
  #connection;
  #gather;
  #topics = [];
  // The topics of each tab, and which tabs' the server has not taken yet.
  #members = new Map();
  #untried = new Set();
  #first = null;

  constructor(tab, { connect, clock }) {
    this.#tab = tab;
    this.#gather = new Timer(() => this.#open(), clock);
    this.#connection = connect({
      heard: (frame) => tab.say("frame", frame),
      changed: (state) => this.#changed(state),
      refused: () => this.#refused(),
    });
  }

  start() {
    this.#gather.start(GATHER);
    this.#tab.say("who");
  }

  stop() {
    this.#gather.stop();
    this.#connection.close();
  }

  reopen() {
    if (this.#connection.pair) this.#connection.reopen();
  }

  hurry() {
    if (this.#connection.state === "lost") this.reopen();
  }

  join({ from, topics, pair }) {
    this.#members.set(from, topics);
    if (this.#serves(topics, pair)) return this.#welcome();
    this.#untried.add(from);
    // Copies: what comes meanwhile moves the connection on, and not this tab.
    this.#first ??= { ...(this.#connection.pair ?? pair) };
    if (later(this.#first.cursor, pair.cursor)) this.#first = { ...pair };
    if (!this.#gather.running) this.#gather.start(GATHER);
  }

  leave({ from }) {
    this.#members.delete(from);
  }

  #serves(topics, { cursor }) {
    const { pair } = this.#connection;
    if (!pair || this.#gather.running || later(pair.cursor, cursor)) return false;
    return topics.every((topic) => this.#topics.includes(topic));
  }

  #open() {
    this.#topics = [...new Set([...this.#members.values()].flat())];
    this.#connection.open(this.#first ?? this.#connection.pair, this.#topics);
    this.#first = null;
    this.#welcome();
  }

  #welcome() {
    const tabs = [...this.#members.keys()];
    this.#tab.say("open", { tabs, state: this.#connection.state });
  }

  #changed(state) {
    if (state !== "lost") this.#untried.clear();
    this.#tab.say("state", { state });
  }

  /** Whose topics are new may be to blame: they stand alone. */
  #refused() {
    const others = [...this.#members.keys()].filter((each) => each !== this.#tab.id);
    if (!others.length) return this.#tab.end();
    const untried = others.filter((each) => this.#untried.has(each));
    const tabs = untried.length ? untried : others;
    for (const from of tabs) this.leave({ from });
    this.#tab.say("alone", { tabs });
    this.#open();
  }
}

/** One of the tabs that share a connection: who holds the lock has it. */
export class Tab {
  id = Math.random();
  #options;
  #pair;
  #group;
  #channel = null;
  #candidacy = null;
  #leader = null;
  // The leader whose connection has this tab's topics, from its cursor on.
  #source;
  #ended = false;
  #silence;

  /** `group` has `locks`, and `open` for channels; null for a tab on its own. */
  constructor(options) {
    this.#options = options;
    this.#pair = options.pair;
    this.#group = options.group;
    this.#silence = new Timer(() => this.#steal(), options.clock);
  }

  get shares() {
    return this.#group !== null;
  }

  /** Take part, and stand for the lead, or take it. */
  start(how) {
    if (this.#ended || this.#candidacy) return;
    const { signal } = (this.#candidacy = new AbortController());
    const lead = () => this.#lead(signal);
    if (!this.#group) return lead();
    this.#join();
    const request = this.#group.locks.request(this.#options.name, how ?? { signal }, lead);
    request.catch(({ name }) => signal.aborted || this.#lose(name));
  }

  /** Let others lead, and go on listening. */
  rest() {
    this.#silence.stop();
    this.#leader?.stop();
    this.#leader = null;
    this.#candidacy?.abort();
    this.#candidacy = null;
  }

  stop() {
    this.rest();
    this.say("leave");
    this.#channel?.close();
    this.#channel = null;
  }

  /** Stop for good. */
  end() {
    this.stop();
    this.#ended = true;
    this.#options.page.become("stopped");
  }

  reopen() {
    this.#leader?.reopen();
  }

  say(kind, more) {
    const message = { ...more, kind, from: this.id };
    this.#channel?.postMessage(message);
    this.#hear(message);
  }

  #join() {
    if (this.#channel) return this.say("hurry");
    this.#channel = this.#group.open(this.#options.name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#ask();
  }

  #lead(signal) {
    if (signal.aborted) return;
    this.#leader = new Leader(this, this.#options);
    this.#leader.start();
    return new Promise((done) => signal.addEventListener("abort", done));
  }

  /** Of a leader that is frozen with its lock. */
  #steal() {
    this.rest();
    this.start({ steal: true });
  }

  /** The lock was stolen, or there is none to be had. */
  #lose(error) {
    if (error !== "AbortError") return this.#part();
    this.rest();
    this.start();
  }

  #watch(state) {
    const { page, patience } = this.#options;
    page.become(state);
    const follows = this.#candidacy && !this.#leader;
    if (state === "live" && follows) this.#silence.start(patience);
    else this.#silence.stop();
  }

  #hear(message) {
    const { kind, tabs } = message;
    if (kind === "frame") this.#take(message);
    else if (kind === "who") this.#ask();
    else if (kind === "open") this.#follow(message);
    else if (kind === "state") this.#watch(message.state);
    else if (kind !== "alone") this.#leader?.[kind](message);
    else if (tabs.includes(this.id)) this.#part();
  }

  #ask() {
    this.#source = null;
    this.say("join", { topics: this.#options.topics, pair: this.#pair });
  }

  #follow({ from, tabs, state }) {
    if (!tabs.includes(this.id)) return this.#ask();
    this.#source = from;
    this.#watch(state);
  }

  #take({ from, type, id, detail }) {
    if (from !== this.#source) return;
    if (this.#silence.running) this.#silence.start(this.#options.patience);
    if (!this.#isNew(type, id)) return;
    this.#pair.cursor = id;
    if (type === "count") this.#pair.unseen = `${detail.unseen}`;
    if (type !== "heartbeat") this.#options.page.tell(type, detail);
  }

  /** A number stands at the cursor of what changed it. */
  #isNew(type, id) {
    const { cursor } = this.#pair;
    if (type === "count") return !later(cursor, id);
    return type === "reset" || later(id, cursor);
  }

  #part() {
    this.stop();
    this.#group = null;
    this.start();
  }
}

/** Has a tab take part while its page is seen, and for some time after. */
export class PageLife {
  #tab;
  #window;
  #unseen;
  #end = null;

  constructor(tab, { window = globalThis, clock } = {}) {
    this.#tab = tab;
    this.#window = window;
    this.#unseen = new Timer(() => tab.rest(), clock);
  }

  start() {
    this.#end ??= new AbortController();
    const on = (type, listener, target = this.#window) =>
      target.addEventListener(type, listener, this.#end);
    on("visibilitychange", this.#seen, this.#window.document);
    on("pageshow", this.#seen);
    on("pagehide", this.#left);
    on("online", this.#moved);
    on("offline", this.#moved);
    this.#seen();
  }

  stop() {
    this.#end?.abort();
    this.#end = null;
    this.#left();
  }

  #seen = () => {
    this.#tab.start();
    if (!this.#window.document.hidden) this.#unseen.stop();
    else this.#unseen.start(this.#tab.shares ? SHARING : ALONE);
  };

  #left = () => {
    this.#unseen.stop();
    this.#tab.stop();
  };

  #moved = () => this.#tab.reopen();
}
