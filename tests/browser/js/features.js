/** Scenarios of features that a page loads when it needs them. */

import { Features } from "/static/notifications/features.js";
import { Clock, settle } from "./fakes.js";

const clock = new Clock();
const options = { clock, first: 1000, random: () => 1 };

/** Features of two elements that note what happens to them. */
function noted({ failures = 0 } = {}) {
  const notes = [];
  const load = (name) => async () => {
    notes.push(`load ${name}`);
    if (failures-- > 0) throw new Error("away");
    return { start: () => notes.push(`start ${name}`) };
  };
  const names = ["first-part", "second-part"];
  const each = Object.fromEntries(names.map((name) => [name, [name, load(name)]]));
  return { features: new Features(each, options), notes };
}

const add = (name) => document.body.append(document.createElement(name));

export async function loadedWhenShown() {
  const { features, notes } = noted();
  add("first-part");
  await features.start();
  const atStart = [...notes];
  add("first-part");
  add("second-part");
  await settle();
  return [atStart, notes];
}

export async function loadedAfterAFailure() {
  const { features, notes } = noted({ failures: 1 });
  add("first-part");
  await features.start();
  add("first-part");
  await settle();
  const early = [...notes];
  clock.pass(1000);
  await settle();
  return [early, notes];
}

export async function startedWithAnError() {
  const starts = [];
  const reported = [];
  const start = () => {
    starts.push("start");
    throw new Error("wrong");
  };
  addEventListener("error", (event) => {
    event.preventDefault();
    reported.push(event.error.message);
  });
  const feature = ["first-part", async () => ({ start })];
  add("first-part");
  await new Features({ feature }, options).start();
  clock.pass(1000);
  add("first-part");
  await settle();
  return [starts, reported];
}

export async function stopped() {
  const { features, notes } = noted();
  await features.start();
  features.stop();
  add("first-part");
  await settle();
  return notes;
}
