/** Scenarios of messages with buttons. */

import { Toasts } from "/static/notifications/toasts.js";
import { Clock, hide } from "./fakes.js";

const clock = new Clock();
const SECOND = 1000;

function start() {
  const meta = document.createElement("meta");
  meta.name = "notifications";
  document.head.append(meta);
  return new Toasts(clock);
}

const shown = () => [...document.querySelectorAll("li > p")].map((p) => p.textContent);

const said = () => document.querySelector("[role=status]").textContent;

export function timesOfMessages() {
  const toasts = start();
  toasts.show("plain");
  toasts.show("with a button", { label: "Undo", action() {} });
  toasts.show("staying", { stays: true });
  const found = [shown()];
  for (const seconds of [6, 9, 600]) {
    clock.pass(seconds * SECOND);
    found.push(shown());
  }
  return found;
}

export function messageWhileThePageIsHidden() {
  const toasts = start();
  toasts.show("unseen");
  hide(true);
  clock.pass(60 * SECOND);
  const during = shown();
  hide(false);
  clock.pass(3 * SECOND);
  return [during, shown()];
}

export function messagesAreBounded() {
  const toasts = start();
  for (const each of ["a", "b", "b", "c", "d"]) toasts.show(each);
  return shown();
}

export function messageIsRepeated() {
  const toasts = start();
  toasts.show("Muted.");
  toasts.show("Muted.");
  return [shown(), document.querySelector("[popover]").matches(":popover-open")];
}

export function messageIsRead() {
  const toasts = start();
  toasts.show("Muted.");
  const early = said();
  clock.pass(100);
  return [early, said()];
}

export function keysInAMessage() {
  const toasts = start();
  const before = document.createElement("button");
  document.body.append(before);
  before.focus();
  const done = [];
  const action = () => done.push("undone");
  toasts.show("Muted.", { label: "Undo", action, onDismiss: () => done.push("dismissed") });
  document.querySelector("li button").focus();
  const options = { key: "Escape", bubbles: true };
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", options));
  const focused = document.activeElement === before;
  toasts.show("Muted.", { label: "Undo", action });
  document.querySelector("li button").click();
  return [done, focused, shown()];
}
