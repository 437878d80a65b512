/** Scenarios of a connection's stream. Each is called by its name in a page of its own. */

import { backoff } from "/static/notifications/retry.js";
import {
  clock,
  connection,
  newStreamAlone,
  pass,
  reported,
  server,
  start,
} from "./connections.js";
import { FakeEventSource, reply, settle } from "./fakes.js";

export function waits(attempts) {
  return attempts.map(([failures, random]) =>
    backoff(failures, { first: 1_000, random }),
  );
}

export function addressOfStream() {
  start();
  return FakeEventSource.last.url;
}

export function unseenInAddress() {
  start("0");
  FakeEventSource.last.send("count", { unseen: 4 }, "2-0");
  connection.reopen();
  return FakeEventSource.all.map((each) => each.query.get("unseen"));
}

export function cursorsAfterCut() {
  start();
  FakeEventSource.last.send("new_post", {}, "2-0");
  FakeEventSource.last.send("heartbeat", {}, "3-0");
  FakeEventSource.last.fail(0);
  clock.pass(1_000);
  return FakeEventSource.all.map((each) => each.query.get("last_event_id"));
}

export function openedAfterEachFailure() {
  const openedAfter = (time) => {
    clock.pass(time);
    return FakeEventSource.all.length;
  };
  const opened = [];
  newStreamAlone().open({ cursor: "1-0", unseen: "" }, []);
  FakeEventSource.last.fail(0);
  opened.push(openedAfter(999), openedAfter(1));
  FakeEventSource.last.fail(0);
  opened.push(openedAfter(1_999), openedAfter(1));
  FakeEventSource.last.send("heartbeat", {}, "3-0");
  FakeEventSource.last.fail(0);
  opened.push(openedAfter(1_000));
  return opened;
}

export async function refusedWith(status) {
  server.answer = () => reply(status);
  start();
  FakeEventSource.last.fail(2);
  await settle();
  clock.pass(60_000);
  return [FakeEventSource.all.length, reported.refusals];
}

export async function openedAfterServerError(status) {
  server.answer = () => reply(status);
  start();
  FakeEventSource.last.fail(2);
  await settle();
  clock.pass(1_000);
  return FakeEventSource.all.length;
}

export async function openedAroundRetryAfter() {
  server.answer = () => reply(429, null, { "Retry-After": "5" });
  start();
  FakeEventSource.last.fail(2);
  await settle();
  clock.pass(5_999);
  const early = FakeEventSource.all.length;
  clock.pass(1);
  return [early, FakeEventSource.all.length];
}

export function silentStream() {
  start();
  FakeEventSource.last.send("heartbeat", {}, "2-0");
  clock.pass(24_999);
  FakeEventSource.last.send("heartbeat", {}, "3-0");
  clock.pass(24_999);
  const alive = FakeEventSource.all.length;
  clock.pass(1);
  clock.pass(1_000);
  const { all, open } = FakeEventSource;
  return [alive, all.length, open.length, server.requests.length];
}

export function streamClosedByServer() {
  start();
  FakeEventSource.last.send("server_closed", {}, "");
  clock.pass(1_000);
  return [FakeEventSource.all.length, FakeEventSource.open.length];
}

export function closedTwice() {
  start();
  const started = FakeEventSource.open.length;
  connection.close();
  connection.close();
  return [started, FakeEventSource.open.length, clock.waiting];
}

export function closedWhileWaiting() {
  start();
  FakeEventSource.last.fail(0);
  connection.close();
  clock.pass(60_000);
  return FakeEventSource.all.length;
}

export async function closedWhileStatusIsFetched() {
  server.answer = () => reply(404);
  start();
  FakeEventSource.last.fail(2);
  connection.close();
  await settle();
  clock.pass(60_000);
  return [FakeEventSource.all.length, reported.refusals];
}

export function states() {
  start();
  FakeEventSource.last.send("heartbeat", {}, "2-0");
  FakeEventSource.last.fail(0);
  clock.pass(1_000);
  FakeEventSource.last.send("heartbeat", {}, "3-0");
  connection.close();
  return reported.states;
}

export function frames() {
  start();
  FakeEventSource.last.send("new_post", { uid: "u" }, "2-0");
  FakeEventSource.last.send("reset", { reason: "gap" }, "9-0");
  FakeEventSource.last.send("heartbeat", {}, "10-0");
  return reported.frames;
}

export async function lostPosition(type, detail) {
  start("3");
  FakeEventSource.last.send(type, detail, "5-0");
  server.answer = () => reply(200, { unseen: 7, cursor: "8-0" });
  const before = reported.frames.length;
  await pass(1_000);
  return [before, reported.frames, server.requests, FakeEventSource.last.url];
}

export async function lostPositionFetchedAgain() {
  start("3");
  FakeEventSource.last.send("reset", {}, "5-0");
  await pass(1_000);
  await pass(1_999);
  const early = server.requests.length;
  server.answer = () => reply(200, { unseen: 7, cursor: "8-0" });
  await pass(1);
  return [[early, server.requests.length], reported.frames];
}

/** A retraction that may concern a counted event, and then an event. */
async function retractCounted() {
  start("3");
  FakeEventSource.last.send("retracted", { uid: "u" }, "5-0");
  FakeEventSource.last.send("count", { unseen: null }, "5-0");
  FakeEventSource.last.send("new_post", {}, "6-0");
  await pass(9_999);
}

export async function countLostByRetraction() {
  await retractCounted();
  const early = [server.requests.length, FakeEventSource.open.length];
  server.answer = () => reply(200, { unseen: 2, cursor: "6-0" });
  await pass(1);
  return [early, reported.frames, server.requests, FakeEventSource.last.url];
}

export async function countLostByRetractions() {
  await retractCounted();
  FakeEventSource.last.send("retracted", { uid: "v" }, "7-0");
  FakeEventSource.last.send("count", { unseen: null }, "7-0");
  server.answer = () => reply(200, { unseen: 2, cursor: "7-0" });
  await pass(1);
  await pass(20_000);
  return server.requests;
}

export async function countFetchedAgain() {
  await retractCounted();
  await pass(1);
  server.answer = () => reply(200, { unseen: 2, cursor: "6-0" });
  await pass(1_000);
  return [server.requests, reported.states, FakeEventSource.last.url];
}

export async function closedBeforeRecount() {
  await retractCounted();
  connection.close();
  await pass(60_000);
  return [server.requests.length, clock.waiting];
}
