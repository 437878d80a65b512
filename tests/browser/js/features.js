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

async function begin(features) {
  features.start();
  await features.loadShown();
}

const add = (name) => document.body.appendChild(document.createElement(name));

export async function loadedWhenShown() {
  const { features, notes } = noted();
  add("first-part");
  await begin(features);
  const atStart = [...notes];
  add("first-part");
  add("second-part");
  await settle();
  return [atStart, notes];
}

export async function loadedAfterAFailure() {
  const { features, notes } = noted({ failures: 1 });
  add("first-part");
  await begin(features);
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
  await begin(new Features({ feature }, options));
  clock.pass(1000);
  add("first-part");
  await settle();
  return [starts, reported];
}

export async function stopped() {
  const { features, notes } = noted();
  await begin(features);
  features.stop();
  add("first-part");
  await settle();
  return notes;
}

/** Return whether it was ready, and whether it is, with an element that the site defines. */
export async function readyWhenDefined() {
  const { features } = noted();
  const part = add("site-part");
  part.dataset.notificationsTopic = "topic:espresso";
  let ready = false;
  const waiting = features.loadShown().then(() => (ready = true));
  await settle();
  const early = ready;
  customElements.define("site-part", class extends HTMLElement {});
  await waiting;
  return [early, features.loadShown()];
}
