/** Scenarios of tabs whose shared connection is lost or refused, or that stand alone. */

import { FakeConnection, gather, newTab, received, settle, start } from "./tabs.js";

const lastStates = (...tabs) => tabs.map((each) => each.states.at(-1));

export async function stateOfAll() {
  const [first, second] = [newTab(), newTab()];
  await start(first, second);
  FakeConnection.open[0].setState("live");
  FakeConnection.open[0].setState("lost");
  const late = newTab();
  await start(late);
  return lastStates(first, second, late);
}

export async function tabThatIsVisibleAgain() {
  const [first, second] = [newTab(), newTab()];
  await start(first, second);
  const [connection] = FakeConnection.open;
  const showAgain = async () => {
    second.resign();
    second.start();
    await settle();
    return connection.reopened;
  };
  const live = await showAgain();
  connection.setState("lost");
  return [live, await showAgain()];
}

export async function otherUser() {
  const tabs = [newTab(), newTab()];
  await start(...tabs);
  const response = { status: 409, json: async () => ({ user: "asker" }) };
  FakeConnection.open[0].callbacks.onRefused(response);
  await settle();
  return [tabs.map(({ states }) => states.at(-1)), received(...tabs), FakeConnection.open.length];
}

export async function refused() {
  const only = newTab();
  await start(only);
  FakeConnection.open[0].callbacks.onRefused({ status: 403 });
  await start(only);
  const { open, opened } = FakeConnection;
  return [only.states.at(-1), open.length, opened.length];
}

export async function topicsThatAreRefused() {
  const tabs = [newTab(["a:1"]), newTab(["b:1"]), newTab(["bad"])];
  const [first, second, bad] = tabs;
  await start(first, second);
  FakeConnection.open[0].setState("live");
  await start(bad);
  FakeConnection.open[0].callbacks.onRefused({ status: 403 });
  await gather();
  FakeConnection.open.find((each) => each.topics.includes("bad")).callbacks.onRefused({ status: 403 });
  FakeConnection.open[0].setState("live");
  await settle();
  return [FakeConnection.open.map((each) => each.topics), lastStates(...tabs)];
}

export async function ownConnectionAlone() {
  const [first, other] = [newTab(["a:1"]), newTab(["b:1"])];
  await start(first);
  FakeConnection.open[0].setState("live");
  await start(other);
  FakeConnection.open[0].callbacks.onRefused({ status: 403 });
  await gather();
  const [shared, own] = FakeConnection.open;
  shared.receive("of a", "6-0");
  own.receive("of b", "7-0");
  await settle();
  return received(first, other);
}

export async function tabsOfTwoReaders() {
  const [one, another] = [newTab(), newTab([], "5-0", { name: "other" })];
  await start(one, another);
  FakeConnection.open[0].receive("event", "6-0");
  await settle();
  return [FakeConnection.open.length, ...received(one, another)];
}

export async function withoutLocks() {
  const tabs = [newTab(["a:1"], "5-0", { group: null }), newTab(["b:1"])];
  await start(...tabs);
  const connection = FakeConnection.open.find(({ topics }) => topics[0] === "a:1");
  connection.receive("of a", "6-0");
  tabs[0].resign();
  const resting = FakeConnection.open.length;
  await start(tabs[0]);
  return [received(...tabs), resting, FakeConnection.open.at(-1).position];
}
