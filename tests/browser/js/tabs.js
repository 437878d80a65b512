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
  position = null;
  opened = [];
  reopened = 0;

  constructor(callbacks) {
    this.callbacks = callbacks;
    FakeConnection.all.push(this);
  }

  static get open() {
    return FakeConnection.all.filter((each) => each.position);
  }

  /** What each connection was opened with: cursor, number of unseen, topics. */
  static get opened() {
    return FakeConnection.all.flatMap((each) => each.opened);
  }

  open(position, topics) {
    this.position = { ...position };
    this.topics = topics;
    this.opened.push([position.cursor, position.unseen, [...topics]]);
  }

  reopen() {
    this.reopened++;
  }

  setState(state) {
    this.state = state;
    this.callbacks.onState(state);
  }

  close() {
    this.position = null;
    this.setState("connecting");
  }

  receive(type, id, detail = {}) {
    if (this.state !== "live") this.setState("live");
    this.position.cursor = id;
    this.callbacks.onFrame({ type, id, detail });
  }
}

/** Return a tab that keeps what its page is notified about, and its states. */
export function newTab(topics = [], cursor = "5-0", more = {}) {
  const received = [];
  const states = [];
  const page = {
    dispatch: (type, detail) => received.push(type === "count" ? detail.unseen : type),
    setState: (state) => states.push(state),
  };
  const tab = new Tab({
    name: "n",
    topics,
    page,
    timeout: 45_000,
    connect: (callbacks) => new FakeConnection(callbacks),
    clock,
    position: { cursor, unseen: "0", rows: [] },
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
