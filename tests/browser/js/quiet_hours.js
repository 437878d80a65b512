/** Scenarios of quiet-hours.js. */

import { QuietHours, isQuiet } from "/static/notifications/quiet-hours.js";
import { Unseen } from "/static/notifications/page.js";
import { Clock, hide } from "./fakes.js";

/** Return whether it is quiet at each of some moments. */
export function quietAt(hours, timeZone, moments) {
  return moments.map((each) => isQuiet(hours, timeZone, Date.parse(each)));
}

/** Return what a hidden page shows of a count, and what it says once it is shown. */
export function during(moment) {
  const meta = document.createElement("meta");
  meta.name = "notifications";
  Object.assign(meta.dataset, { quietHours: "22:00-07:00", timeZone: "Asia/Tokyo" });
  document.head.append(meta);
  const clock = new Clock();
  new QuietHours(() => Date.parse(moment), clock).start();
  document.title = "Title";
  const texts = { textUnseenOne: "%d thing", textUnseenMany: "%d things" };
  new Unseen(texts, { unseen: 2, rows: 2 }, clock).start();
  hide(true);
  count(3);
  const { title } = document;
  hide(false);
  count(4);
  return [title, document.querySelector(".notifications-announcer").textContent];
}

function count(unseen) {
  const options = { bubbles: true, detail: { unseen, rows: unseen } };
  document.body.dispatchEvent(new CustomEvent("notifications:count", options));
}
