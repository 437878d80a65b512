/** Scenarios of what a page says of the time, and of the number of unseen events. */

import { Unseen } from "/static/notifications/page.js";
import { reconcile } from "/static/notifications/reconcile.js";
import { RelativeTimes } from "/static/notifications/relative-times.js";
import { Clock, hide, settle } from "./fakes.js";

const clock = new Clock();

function add(datetime) {
  const time = document.createElement("time");
  time.dateTime = datetime;
  time.dataset.relative = "";
  time.textContent = "as it was";
  document.body.append(time);
  return time;
}

/** Return the times of the page, at noon on 20 May 2026. */
function timesAtNoon() {
  const noon = Date.parse("2026-05-20T12:00:00Z");
  return new RelativeTimes(() => noon + clock.now, clock);
}

export function textOf(datetime) {
  const time = add(datetime);
  timesAtNoon().start();
  return time.textContent;
}

export function ticks() {
  const times = timesAtNoon();
  const time = add("2026-05-20T12:00:00Z");
  const shown = [];
  const look = (after) => {
    clock.pass(after);
    shown.push(time.textContent);
  };
  times.start();
  look(0);
  look(60_000);
  look(60_000);
  times.stop();
  times.stop();
  look(60_000);
  return [shown, clock.waiting];
}

/** Needs a page that has its own times. */
export async function timeAddedLater() {
  const time = add(new Date(Date.now() - 3 * 3_600_000).toISOString());
  // As the server may have it.
  time.title = "12:00";
  await settle();
  return [time.textContent, time.title !== "12:00"];
}

/** Return which elements are marked as new at first, and later. */
export function arrivals() {
  const list = document.createElement("ul");
  const fresh = document.createElement("ul");
  list.innerHTML = '<li id="a">A</li>';
  fresh.innerHTML = '<li id="b">B</li><li id="a">A</li>';
  const marked = () => [...list.querySelectorAll(".notifications-arrived")].map(({ id }) => id).join();
  reconcile(list, fresh, clock);
  const first = marked();
  clock.pass(20_000);
  return [first, marked()];
}

export function inGerman() {
  document.documentElement.lang = "de";
  const time = add("2026-05-20T16:00:00Z");
  new RelativeTimes(() => Date.parse("2026-05-20T18:00:00Z")).start();
  return [time.textContent, time.title];
}

/** Return the time in a page with each of some languages. */
export function inLanguages(languages) {
  return languages.map((each) => {
    document.documentElement.lang = each;
    return textOf("2026-05-20T10:00:00Z");
  });
}

export function timersWhileHidden() {
  timesAtNoon().start();
  hide(true);
  const hidden = clock.waiting;
  hide(false);
  return [hidden, clock.waiting];
}

function startUnseen() {
  document.title = "Title";
  const texts = { textUnseenOne: "%d thing", textUnseenMany: "%d things" };
  new Unseen(texts, { unseen: 2, rows: 2 }, clock).start();
}

function count(unseen) {
  const options = { bubbles: true, detail: { unseen, rows: unseen } };
  document.body.dispatchEvent(new CustomEvent("notifications:count", options));
}

/** Return what screen readers read out. */
function said() {
  return [...document.getElementsByClassName("notifications-announcer")].at(-1).textContent;
}

export function titles() {
  startUnseen();
  const titles = [document.title];
  const after = (action) => {
    action();
    titles.push(document.title);
  };
  after(() => hide(true));
  after(() => count(3));
  after(() => count(100));
  after(() => {
    document.title = "New title";
    count(4);
  });
  after(() => count(0));
  after(() => count(5));
  after(() => hide(false));
  return titles;
}

export function announcements() {
  startUnseen();
  const all = [];
  const note = () => all.push(said());
  note();
  count(3);
  note();
  count(4);
  count(7);
  note();
  clock.pass(4_999);
  note();
  clock.pass(1);
  note();
  count(100);
  clock.pass(5_000);
  note();
  return all;
}

export function fallingNumber() {
  startUnseen();
  count(0);
  const none = said();
  count(1);
  return [none, said()];
}

export function hiddenPage() {
  startUnseen();
  hide(true);
  count(9);
  hide(false);
  return said();
}
