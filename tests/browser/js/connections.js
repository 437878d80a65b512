/** A connection with a clock, an EventSource and a fetch of the tests. */

import { Connection, StreamLink } from "/static/notifications/connection.js";
import { PollLink } from "/static/notifications/polling.js";
import { Clock, FakeEventSource, reply, settle } from "./fakes.js";

export const clock = new Clock();
export const storage = {};

/** What the server answers to a fetch, and the addresses that were fetched. */
export const server = { answer: () => reply(503), requests: [] };

/** What the connection reported to its owner. */
export const reported = { frames: [], states: [], refusals: 0 };

async function fetch(url, { signal }) {
  server.requests.push(url);
  const aborted = new Promise((_, fail) => signal.addEventListener("abort", fail));
  return Promise.race([server.answer(url), aborted]);
}

const common = { fetch, storage, now: () => clock.now };
const types = ["new_post", "reset", "count", "retracted", "heartbeat"];
const streams = {
  url: "/stream/?user=7",
  types,
  timeout: 25_000,
  firstTimeout: 3_000,
  EventSource: FakeEventSource,
  ...common,
};
const stream = new StreamLink(streams);
const polls = { url: "/poll/?user=7", inbox: "/inbox/?user=7", timeout: 35_000, ...common };

const options = {
  stream,
  poll: async () => new PollLink(polls),
  first: 1_000,
  clock,
  random: () => 1,
  onFrame: ({ type, id }) => reported.frames.push([type, id]),
  onState: (state) => reported.states.push(state),
  onRefused: () => reported.refusals++,
  ...common,
};

/** Return another connection, on the same clock and server. */
export const newConnection = (more = {}) => new Connection({ ...options, ...more });
export const connection = newConnection();

/** Return a connection that does not poll. */
export const newStreamAlone = () =>
  newConnection({ stream: new StreamLink({ ...streams, firstTimeout: 0 }) });

/** Open the connection at the cursor 1-0, with this number of unseen events. */
export function start(unseen = "") {
  connection.open({ cursor: "1-0", unseen }, ["a:1"]);
}

/** Let time pass, and then what it set off. */
export async function pass(milliseconds) {
  clock.pass(milliseconds);
  await settle();
}

/** Have the server hold each poll until the test replies to it. */
export class Polls {
  #waiting = [];
  #reply = null;

  constructor() {
    server.answer = (url) => this.#answer(url);
  }

  async reply(events, cursor) {
    this.#reply = { events, cursor };
    this.#waiting.pop()();
    await settle();
  }

  #answer(url) {
    if (!url.includes("after=")) return reply(200, { events: [], cursor: "9-0" });
    return new Promise((done) =>
      this.#waiting.push(() => done(reply(200, this.#reply))),
    );
  }
}
