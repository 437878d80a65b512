/** Scenarios of a page that is hidden, left or offline, and of a coalescing task. */

import { CoalescingTask } from "/static/notifications/coalescing-task.js";
import { whilePending } from "/static/notifications/pending.js";
import { PageLife } from "/static/notifications/tabs.js";
import { Clock, hide, settle } from "./fakes.js";

/** Return a started page life whose tab writes down what it is called for. */
function startLife(shares = true) {
  const clock = new Clock();
  const calls = [];
  const tab = { shares };
  for (const each of ["start", "resign", "stop", "reopen"]) {
    tab[each] = () => calls.push(each);
  }
  const page = new EventTarget();
  page.document = new EventTarget();
  const life = new PageLife(tab, { window: page, clock });
  life.start();
  calls.length = 0;
  return { calls, clock, life, page };
}

export function hiddenFor(milliseconds, shares) {
  const { calls, clock, page } = startLife(shares);
  hide(true, page.document);
  calls.length = 0;
  clock.pass(milliseconds - 1);
  calls.push("wait");
  clock.pass(1);
  hide(false, page.document);
  return calls;
}

export function hiddenForAMoment() {
  const { calls, clock, page } = startLife();
  hide(true, page.document);
  clock.pass(100);
  hide(false, page.document);
  clock.pass(99_999);
  return calls;
}

export function left() {
  const { calls, page } = startLife();
  page.dispatchEvent(new Event("pagehide"));
  page.dispatchEvent(new Event("pageshow"));
  return calls;
}

export function networkChanged() {
  const { calls, page } = startLife();
  page.dispatchEvent(new Event("online"));
  return calls;
}

export function stopped() {
  const { calls, clock, life, page } = startLife();
  life.stop();
  hide(true, page.document);
  hide(false, page.document);
  clock.pass(99_999);
  return calls;
}

export async function coalescedRuns() {
  let running = 0;
  let most = 0;
  let runs = 0;
  const task = new CoalescingTask(async () => {
    most = Math.max(most, ++running);
    await settle();
    runs++;
    running--;
  });
  task.request();
  task.request();
  task.request();
  await settle(20);
  task.request();
  await settle(20);
  return [most, runs];
}

export async function pendingStates() {
  const clock = new Clock();
  const element = document.createElement("button");
  const busy = () => element.getAttribute("aria-busy");
  let end;
  const shown = whilePending(element, new Promise((done) => (end = done)), clock);
  const states = [busy()];
  for (const each of [149, 1]) {
    clock.pass(each);
    states.push(busy());
  }
  end("reply");
  return [...states, await shown, busy(), clock.waiting];
}
