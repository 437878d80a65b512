/** Scenarios of a connection that polls instead of streaming. */

import {
  clock,
  connection,
  newConnection,
  pass,
  Polls,
  reported,
  server,
  start,
  storage,
} from "./connections.js";
import { FakeEventSource, reply, settle } from "./fakes.js";

export async function streamHeldBack() {
  const polls = new Polls();
  start("0");
  await pass(2_999);
  const early = server.requests.length;
  await pass(1);
  await polls.reply([{ id: "4-0", event: "new_post", data: {} }], "5-0");
  return [
    early,
    server.requests,
    reported.states,
    FakeEventSource.open.length,
    reported.frames,
  ];
}

export async function streamThatGotThroughBefore() {
  new Polls();
  start();
  FakeEventSource.last.send("heartbeat", {}, "2-0");
  FakeEventSource.last.fail(0);
  clock.pass(1_000);
  await pass(24_999);
  const early = server.requests.length;
  await pass(1);
  return [early, server.requests.length];
}

export async function nextPage() {
  new Polls();
  start();
  await pass(3_000);
  connection.close();
  newConnection().open({ cursor: "6-0", unseen: "" }, []);
  await settle();
  return [FakeEventSource.all.length, server.requests.at(-1)];
}

export async function streamTriedAgain() {
  const polls = new Polls();
  start();
  await pass(3_000);
  clock.now += 300_000;
  await polls.reply([], "5-0");
  return [FakeEventSource.open.length, connection.state];
}

export async function networkThatAnswersNothing() {
  server.answer = () => new Promise(() => {});
  start();
  await pass(3_000);
  await pass(35_000);
  await pass(1_000);
  const { notificationsPollUntil } = storage;
  return [connection.state, FakeEventSource.open.length, notificationsPollUntil ?? 0];
}

export async function withoutEventSource() {
  new Polls();
  const other = newConnection({ stream: undefined });
  other.open({ cursor: "1-0", unseen: "" }, ["a:1"]);
  await settle();
  return [reported.states, server.requests.at(-1)];
}

export async function failedThenRefused() {
  server.answer = () => reply(503, null, { "Retry-After": "2" });
  newConnection({ stream: undefined }).open({ cursor: "1-0", unseen: "" }, []);
  await settle();
  await pass(2_999);
  const first = server.requests.length;
  server.answer = () => reply(403);
  await pass(1);
  await pass(60_000);
  return [[first, server.requests.length], reported.refusals];
}

export async function pollWithoutAnswer() {
  new Polls();
  start();
  await pass(3_000);
  await pass(35_000);
  return reported.states;
}
