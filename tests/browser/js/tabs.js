/** Tabs that share a connection, with locks, a channel and connections of the tests. */

import { Tab } from "/static/notifications/tabs.js";
import { Channels, Clock, Locks, settle } from "./fakes.js";

const locks = new Locks();
const { open } = new Channels();
export const clock = new Clock();
export { open, settle };

/** A connection that does what a test says. */
export class FakeConnection {
  static all = [];
  state = "connecting";
  pair = null;
  opened = [];
  reopened = 0;

  constructor(on) {
    this.on = on;
    FakeConnection.all.push(this);
  }

  static get open() {
    return FakeConnection.all.filter((each) => each.pair);
  }

  /** What each connection was opened with: cursor, number of unseen, topics. */
  static get opened() {
    return FakeConnection.all.flatMap((each) => each.opened);
  }

  open(pair, topics) {
    this.pair = { ...pair };
    this.topics = topics;
    this.opened.push([pair.cursor, pair.unseen, [...topics]]);
  }

  reopen() {
    this.reopened++;
  }

  become(state) {
    this.state = state;
    this.on.changed(state);
  }

  close() {
    this.pair = null;
    this.become("connecting");
  }

  receive(type, id, detail = {}) {
    if (this.state !== "live") this.become("live");
    this.pair.cursor = id;
    this.on.heard({ type, id, detail });
  }
}

/** Return a tab that keeps what its page is notified about, and its states. */
export function newTab(topics = [], cursor = "5-0", more = {}) {
  const received = [];
  const states = [];
  const page = {
    tell: (type, detail) => received.push(type === "count" ? detail.unseen : type),
    become: (state) => states.push(state),
  };
  const tab = new Tab({
    name: "n",
    topics,
    page,
    patience: 45_000,
    connect: (on) => new FakeConnection(on),
    clock,
    pair: { cursor, unseen: "0" },
    group: { locks, open },
    ...more,
  });
  return Object.assign(tab, { received, states });
}

/** Wait until the tabs have found each other. */
export async function gather() {
  await settle();
  clock.pass(50);
  await settle();
}

export async function start(...tabs) {
  for (const each of tabs) each.start();
  await gather();
}

/** Return what each of the tabs received. */
export const received = (...tabs) => tabs.map((each) => each.received);
