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

export async function presenceShown() {
  const polls = new Polls();
  start("0");
  await pass(3_000);
  const told = (topic, digest) => ({ event: "presence", id: "", data: { topic, digest } });
  await polls.reply([told("a:1", "x"), told("b:1", "y")], "5-0");
  await polls.reply([told("a:1", "z")], "6-0");
  return server.requests.at(-1);
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

/** Cut the stream before it has brought anything, and let its retry come. */
async function cut(readyState) {
  FakeEventSource.last.fail(readyState);
  await settle();
  await pass(2_000);
}

export async function streamCutEachTime(readyState) {
  const polls = new Polls();
  start();
  const { answer } = server;
  server.answer = (url) =>
    url.startsWith("/stream/") ? Promise.reject(new TypeError()) : answer(url);
  await cut(readyState);
  await cut(readyState);
  await polls.reply([{ id: "4-0", event: "new_post", data: {} }], "5-0");
  const polled = server.requests.filter((url) => url.startsWith("/poll/"));
  return [FakeEventSource.all.length, polled, reported.states, storage];
}

export async function streamCutOnce() {
  new Polls();
  start();
  await cut(0);
  FakeEventSource.last.send("heartbeat", {}, "2-0");
  FakeEventSource.last.fail(0);
  await pass(1_000);
  await cut(0);
  FakeEventSource.last.send("heartbeat", {}, "3-0");
  return [reported.states, storage.notificationsPollUntil];
}

export async function networkAway() {
  server.answer = () => Promise.reject(new TypeError());
  start();
  for (let turn = 0; turn < 6; turn++) {
    for (const each of FakeEventSource.open) each.fail(0);
    await pass(60_000);
  }
  new Polls();
  while (!FakeEventSource.open.length) await pass(60_000);
  FakeEventSource.last.send("heartbeat", {}, "2-0");
  return [reported.states.at(-1), storage.notificationsPollUntil];
}

export async function streamEndedBeforeItsFirstEvent() {
  new Polls();
  start();
  FakeEventSource.last.send("server_closed", { reason: "busy" }, "");
  await pass(1_000);
  return [FakeEventSource.all.length, server.requests];
}

export async function codeThatCannotBeLoaded() {
  const poll = () => Promise.reject(new TypeError());
  newConnection({ poll }).open({ cursor: "1-0", unseen: "" }, []);
  await cut(0);
  await pass(4_000);
  return FakeEventSource.all.length;
}
