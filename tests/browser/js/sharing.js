/** Scenarios of tabs that come, go and rest while they share a connection. */

import {
  clock,
  FakeConnection,
  gather,
  newTab,
  open,
  received,
  settle,
  start,
} from "./tabs.js";

export async function connectionOfAll() {
  await start(newTab(["a:1"]), newTab(["b:1", "a:1"], "3-0"), newTab());
  return FakeConnection.opened;
}

export async function eventsAfterEachCursor() {
  const tabs = ["5-0", "3-0", "9-0"].map((cursor) => newTab(["a:1"], cursor));
  await start(...tabs);
  const [connection] = FakeConnection.open;
  connection.receive("four", "4-0");
  connection.receive("six", "6-0");
  connection.receive("ten", "10-0");
  connection.receive("eleven", "10-1");
  await settle();
  return received(...tabs);
}

export async function countsAtACursor() {
  const tabs = [newTab([], "5-0"), newTab([], "6-0")];
  await start(...tabs);
  FakeConnection.open[0].receive("count", "5-0", { unseen: 1 });
  FakeConnection.open[0].receive("count", "6-0", { unseen: 2 });
  await settle();
  return received(...tabs);
}

export async function countAndHeartbeatMoveOn() {
  const [first, second] = [newTab(), newTab()];
  await start(first, second);
  FakeConnection.open[0].receive("count", "6-0", { unseen: 3 });
  FakeConnection.open[0].receive("heartbeat", "7-0");
  await settle();
  first.stop();
  await gather();
  return FakeConnection.opened;
}

export async function reset() {
  const tabs = [newTab([], "5-0"), newTab([], "9-0")];
  await start(...tabs);
  FakeConnection.open[0].receive("reset", "2-0");
  FakeConnection.open[0].receive("event", "3-0");
  await settle();
  return received(...tabs);
}

export async function lateTabWithoutNewTopics() {
  await start(newTab(["a:1", "b:1"]));
  FakeConnection.open[0].receive("heartbeat", "6-0");
  const late = newTab(["b:1"], "7-0");
  await start(late);
  FakeConnection.open[0].receive("event", "8-0");
  await settle();
  return [FakeConnection.opened, late.received];
}

export async function presenceForALateTab() {
  const first = newTab(["a:1"]);
  await start(first);
  FakeConnection.open[0].receive("heartbeat", "6-0");
  FakeConnection.open[0].receive("presence", "6-0", { topic: "a:1" });
  const late = newTab(["a:1"], "7-0");
  await start(late);
  // The tab has it, which the page of the first one has not.
  FakeConnection.open[0].receive("event", "7-0");
  await settle();
  return received(first, late);
}

export async function lateTabsWithNewTopics() {
  await start(newTab(["a:1"]));
  FakeConnection.open[0].receive("heartbeat", "6-0");
  await start(newTab(["b:1"], "8-0"), newTab(["c:1"], "7-0"));
  return FakeConnection.opened;
}

export async function lateTabThatIsBehind() {
  const first = newTab(["a:1"]);
  await start(first);
  FakeConnection.open[0].receive("nine", "9-0");
  const behind = newTab(["a:1"], "6-0");
  await start(behind);
  FakeConnection.open[0].receive("seven", "7-0");
  FakeConnection.open[0].receive("nine", "9-0");
  await settle();
  return [FakeConnection.opened[1], received(first, behind)];
}

export async function eventsBeforeTheNewTopics() {
  await start(newTab(["a:1"]));
  const late = newTab(["b:1"], "5-0");
  late.start();
  await settle();
  FakeConnection.open[0].receive("of a", "8-0");
  await gather();
  FakeConnection.open[0].receive("of b", "7-0");
  FakeConnection.open[0].receive("of a", "8-0");
  await settle();
  return [late.received, FakeConnection.opened[1][0]];
}

export async function leaderThatStops() {
  const tabs = [newTab(["a:1"]), newTab(["b:1"]), newTab(["c:1"])];
  await start(...tabs);
  FakeConnection.open[0].receive("six", "6-0");
  await settle();
  tabs[0].stop();
  await gather();
  FakeConnection.open[0].receive("six", "6-0");
  FakeConnection.open[0].receive("seven", "7-0");
  await settle();
  return [FakeConnection.opened, received(...tabs), tabs[2].states];
}

export async function tabThatStartsAgain() {
  const [first, second] = [newTab(["a:1"]), newTab(["b:1"])];
  await start(first, second);
  FakeConnection.open[0].receive("six", "6-0");
  await settle();
  first.stop();
  await gather();
  FakeConnection.open[0].receive("of b", "7-0");
  await start(first);
  FakeConnection.open[0].receive("of a", "6-1");
  FakeConnection.open[0].receive("of b", "7-0");
  await settle();
  return [first.received, FakeConnection.opened.at(-1), FakeConnection.open.length];
}

export async function topicsOfAStoppedTab() {
  const gone = newTab(["b:1"]);
  await start(newTab(["a:1"]), gone);
  gone.stop();
  await start(newTab(["c:1"]));
  return FakeConnection.opened.at(-1)[2];
}

export async function leaderThatRests() {
  const [first, second] = [newTab(["a:1"]), newTab(["b:1"])];
  await start(first, second);
  first.resign();
  await gather();
  FakeConnection.open[0].receive("of a", "6-0");
  await settle();
  return [first.received, FakeConnection.open.length, FakeConnection.opened[1]];
}

export async function allRest() {
  const [first, second] = [newTab(["a:1"]), newTab(["b:1"])];
  await start(first, second);
  first.resign();
  second.resign();
  second.resign();
  await gather();
  const resting = FakeConnection.open.length;
  await start(second);
  return [resting, FakeConnection.open.length, FakeConnection.opened.at(-1)];
}

export async function stoppedTwice() {
  const only = newTab();
  await start(only);
  only.stop();
  only.stop();
  await gather();
  return [FakeConnection.open.length, clock.waiting, only.states.at(-1)];
}

export async function stoppedBeforeElected() {
  const only = newTab();
  only.start();
  only.stop();
  await gather();
  return FakeConnection.all.length;
}

export async function frozenLeader() {
  const [frozen, other] = [newTab(["a:1"]), newTab(["b:1"])];
  await start(frozen, other);
  FakeConnection.open[0].receive("six", "6-0");
  await settle();
  clock.pass(44_999);
  await settle();
  const before = FakeConnection.all.length;
  FakeConnection.open[0].receive("seven", "7-0");
  await settle();
  clock.pass(45_000);
  await gather();
  FakeConnection.open.at(-1).receive("eight", "8-0");
  await settle();
  const { open, opened } = FakeConnection;
  return [before, open.length, opened.at(-1)[0], other.received];
}

export async function leaderWithALostConnection() {
  await start(newTab(), newTab());
  FakeConnection.open[0].setState("live");
  FakeConnection.open[0].setState("lost");
  await settle();
  clock.pass(999_999);
  await gather();
  return FakeConnection.all.length;
}

export async function locksThatAreDenied() {
  const request = async () => {
    throw new DOMException("", "Denied");
  };
  const only = newTab(["a:1"], "5-0", { group: { locks: { request }, open } });
  await start(only);
  FakeConnection.open[0].receive("six", "6-0");
  return only.received;
}
