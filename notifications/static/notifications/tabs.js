import { Timer } from "./timer.js";
import { countRows, rowsAfter } from "./unseen-rows.js";

// In milliseconds: how long a leader waits for tabs to join before it connects, and
// how long a hidden tab takes part. HTTP/1.1 has six connections, which tabs with a
// connection of their own soon use up.
const JOIN_DELAY = 50;
const HIDDEN_ALONE = 5000;
const HIDDEN_SHARING = 60_000;

/** Tell whether the first cursor is after the second. */
export function isAfter(cursor, other) {
  const [a, b] = [cursor, other].map((each) => each.split("-").map(BigInt));
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
}

/** Holds the connection for all tabs: with their topics, from their earliest cursor. */
export class Leader {
  #tab;
  #connection;
  #delay;
  // The topics of the connection.
  #topics = [];
  // The topics of each tab, and the tabs whose topics were not accepted yet.
  #members = new Map();
  #unproven = new Set();
  // Where the next connection starts.
  #earliest = null;
  // The last frame about each topic, for tabs that come later.
  #presence = new Map();

  constructor(tab, { connect, clock }) {
    this.#tab = tab;
    this.#delay = new Timer(() => this.#open(), clock);
    this.#connection = connect({
      onFrame: (frame) => this.#onFrame(frame),
      onState: (state) => this.#onState(state),
      onRefused: (response) => this.#onRefused(response),
    });
  }

  start() {
    this.#delay.start(JOIN_DELAY);
    this.#tab.broadcast("sync");
  }

  stop() {
    this.#delay.stop();
    this.#connection.close();
  }

  reopen() {
    if (this.#connection.position) this.#connection.reopen();
  }

  /** A tab became visible: do not wait for the next retry. */
  retry() {
    if (this.#connection.state === "lost") this.reopen();
  }

  join({ from, topics, position }) {
    this.#members.set(from, topics);
    if (this.#covers(topics, position)) return this.#announce();
    this.#unproven.add(from);
    // Copies, since the connection moves its own position on.
    this.#earliest ??= { ...(this.#connection.position ?? position) };
    if (isAfter(this.#earliest.cursor, position.cursor)) {
      this.#earliest = { ...position };
    }
    if (!this.#delay.running) this.#delay.start(JOIN_DELAY);
  }

  leave({ from }) {
    this.#members.delete(from);
  }

  #onFrame(frame) {
    if (frame.type === "presence") this.#presence.set(frame.detail.topic, frame);
    this.#tab.broadcast("frame", frame);
  }

  #covers(topics, { cursor }) {
    const { position } = this.#connection;
    if (!position || this.#delay.running) return false;
    if (isAfter(position.cursor, cursor)) return false;
    return topics.every((topic) => this.#topics.includes(topic));
  }

  #open() {
    this.#topics = [...new Set([...this.#members.values()].flat())];
    const start = this.#earliest ?? this.#connection.position;
    this.#connection.open(start, this.#topics);
    this.#earliest = null;
    // The server tells a new stream who is there.
    this.#presence.clear();
    this.#announce();
  }

  #announce() {
    const tabs = [...this.#members.keys()];
    this.#tab.broadcast("opened", { tabs, state: this.#connection.state });
    for (const frame of this.#presence.values()) this.#tab.broadcast("frame", frame);
  }

  #onState(state) {
    if (state !== "lost") this.#unproven.clear();
    this.#tab.broadcast("state", { state });
  }

  /** Detach the tabs whose topics may be the cause: the new ones, or else all. */
  async #onRefused(response) {
    // Somebody else is signed in.
    if (response.status === 409) return this.#tab.broadcast("user", await response.json());
    const others = [...this.#members.keys()].filter((each) => each !== this.#tab.id);
    if (!others.length) return this.#tab.end();
    const unproven = others.filter((each) => this.#unproven.has(each));
    const tabs = unproven.length ? unproven : others;
    for (const from of tabs) this.leave({ from });
    this.#tab.broadcast("detach", { tabs });
    this.#open();
  }
}

/** One of the tabs that share a connection; a Web Lock elects the leader. */
export class Tab {
  id = Math.random();
  #options;
  #topics;
  #position;
  #group;
  #channel = null;
  #candidacy = null;
  #leader = null;
  // The id of the leader whose connection covers this tab's topics and cursor.
  #source;
  #ended = false;
  #leaderTimeout;

  /** `group` has `locks`, and `open` for channels; null for a tab that does not share. */
  constructor(options) {
    this.#options = options;
    this.#topics = options.topics;
    this.#position = options.position;
    this.#group = options.group;
    this.#leaderTimeout = new Timer(() => this.#steal(), options.clock);
  }

  get shares() {
    return this.#group !== null;
  }

  /** Join the other tabs and stand for election, or lead without a group. */
  start(how) {
    if (this.#ended || this.#candidacy) return;
    const { signal } = (this.#candidacy = new AbortController());
    const lead = () => this.#lead(signal);
    if (!this.#group) return lead();
    this.#join();
    const request = this.#group.locks.request(this.#options.name, how ?? { signal }, lead);
    request.catch(({ name }) => signal.aborted || this.#onLockLost(name));
  }

  /** Let other tabs lead, and keep listening. */
  resign() {
    this.#leaderTimeout.stop();
    this.#leader?.stop();
    this.#leader = null;
    this.#candidacy?.abort();
    this.#candidacy = null;
  }

  stop() {
    this.resign();
    this.broadcast("leave");
    this.#channel?.close();
    this.#channel = null;
  }

  /** Stop for good, after the server refused, or since `user` is signed in now. */
  end(user) {
    this.stop();
    this.#ended = true;
    const { page } = this.#options;
    page.setState("stopped");
    if (user !== undefined) page.dispatch("user", { user });
  }

  /** Go on with other topics, and from another position if the page is another one. */
  move(topics, position) {
    this.#topics = topics;
    if (position) this.#position = position;
    this.#requestJoin();
  }

  get ended() {
    return this.#ended;
  }

  reopen() {
    this.#leader?.reopen();
  }

  /** Send a message to all tabs, this one included. */
  broadcast(kind, more) {
    const message = { ...more, kind, from: this.id };
    this.#channel?.postMessage(message);
    this.#onMessage(message);
  }

  #join() {
    if (this.#channel) return this.broadcast("retry");
    this.#channel = this.#group.open(this.#options.name);
    this.#channel.onmessage = ({ data }) => this.#onMessage(data);
    this.#requestJoin();
  }

  /** Keeps the lock until the candidacy is aborted. */
  #lead(signal) {
    if (signal.aborted) return;
    this.#leader = new Leader(this, this.#options);
    this.#leader.start();
    return new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  /** The leader is silent: it may be frozen, holding the lock. */
  #steal() {
    this.resign();
    this.start({ steal: true });
  }

  /** The lock was stolen (AbortError), or locks cannot be used here. */
  #onLockLost(error) {
    if (error !== "AbortError") return this.#detach();
    this.resign();
    this.start();
  }

  #onState(state) {
    const { page, timeout } = this.#options;
    page.setState(state);
    const follows = this.#candidacy && !this.#leader;
    if (state === "live" && follows) this.#leaderTimeout.start(timeout);
    else this.#leaderTimeout.stop();
  }

  #onMessage(message) {
    const { kind, tabs } = message;
    if (kind === "frame") this.#onFrame(message);
    else if (kind === "sync") this.#requestJoin();
    else if (kind === "opened") this.#onOpened(message);
    else if (kind === "state") this.#onState(message.state);
    else if (kind === "user") this.end(message.user);
    else if (kind !== "detach") this.#leader?.[kind](message);
    else if (tabs.includes(this.id)) this.#detach();
  }

  #requestJoin() {
    this.#source = null;
    this.broadcast("join", { topics: this.#topics, position: this.#position });
  }

  #onOpened({ from, tabs, state }) {
    if (!tabs.includes(this.id)) return this.#requestJoin();
    this.#source = from;
    this.#onState(state);
  }

  #onFrame({ from, type, id, detail }) {
    if (from !== this.#source) return;
    const { page, timeout } = this.#options;
    if (this.#leaderTimeout.running) this.#leaderTimeout.start(timeout);
    if (!this.#isNew(type, id)) return;
    if (type !== "presence") this.#position.cursor = id;
    if (type === "count") page.dispatch(type, this.#counted(detail));
    else if (type !== "heartbeat") page.dispatch(type, detail);
  }

  /** Return the numbers of unseen events and of their rows; null if they are unknown. */
  #counted(detail) {
    const { unseen } = detail;
    const position = this.#position;
    position.unseen = `${unseen}`;
    if (unseen === null) return { unseen, rows: null };
    position.rows = rowsAfter(position.rows, detail);
    return { unseen, rows: countRows(position.rows, unseen) };
  }

  /** A count has the cursor of the event that changed it. Presence has none, for which
   * EventSource repeats the last one. */
  #isNew(type, id) {
    const { cursor } = this.#position;
    if (type === "count") return !isAfter(cursor, id);
    return type === "reset" || type === "presence" || isAfter(id, cursor);
  }

  /** Go on with a connection of its own. */
  #detach() {
    this.stop();
    this.#group = null;
    this.start();
  }
}

/** Starts and stops a tab with the life of its page: visible, hidden, left, offline. */
export class PageLife {
  #tab;
  #window;
  #hiddenTimer;
  #listeners = null;

  constructor(tab, { window = globalThis, clock } = {}) {
    this.#tab = tab;
    this.#window = window;
    this.#hiddenTimer = new Timer(() => tab.resign(), clock);
  }

  start() {
    this.#listeners ??= new AbortController();
    const on = (type, listener, target = this.#window) =>
      target.addEventListener(type, listener, this.#listeners);
    on("visibilitychange", this.#onVisibilityChange, this.#window.document);
    on("pageshow", this.#onVisibilityChange);
    on("pagehide", this.#onPageHide);
    on("online", this.#onNetworkChange);
    on("offline", this.#onNetworkChange);
    this.#onVisibilityChange();
  }

  stop() {
    this.#listeners?.abort();
    this.#listeners = null;
    this.#onPageHide();
  }

  #onVisibilityChange = () => {
    this.#tab.start();
    const delay = this.#tab.shares ? HIDDEN_SHARING : HIDDEN_ALONE;
    if (this.#window.document.hidden) this.#hiddenTimer.start(delay);
    else this.#hiddenTimer.stop();
  };

  #onPageHide = () => {
    this.#hiddenTimer.stop();
    this.#tab.stop();
  };

  #onNetworkChange = () => this.#tab.reopen();
}
