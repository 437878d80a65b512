import { Timer } from "./timer.js";

// In milliseconds: how long a message is shown, and one with a button, which takes time to
// reach; how much longer while somebody points at it, uses it or is in another tab; and
// until a live region is read out that was added to the page.
const DURATION = 6000;
const ACTION_DURATION = 15_000;
const EXTENSION = 3000;
const ANNOUNCEMENT_DELAY = 100;
const MAX_TOASTS = 3;

/** Shows messages at the bottom of the page, above everything else. */
export class Toasts {
  #clock;
  #region = null;
  #announcer = null;
  #text = "";
  #announcement;
  // The removal of each shown message, by text.
  #shown = new Map();
  // What had the focus before a button of a message.
  #previous = null;

  constructor(clock) {
    this.#clock = clock;
    this.#announcement = new Timer(() => this.#announce(), clock);
  }

  /**
   * Show a text, and have screen readers read it; return a function that removes it.
   *
   * `label` and `action` are a button, such as Undo, and what it does; `onDismiss` is
   * called when the other button is used. With `stays` the message is shown until one of
   * them is. A message replaces an earlier one with the same text.
   */
  show(text, { label, action, onDismiss = () => {}, stays = false } = {}) {
    this.#shown.get(text)?.();
    this.#prepare();
    const toast = element("li", { className: "notifications-toast" });
    const timer = new Timer(() => this.#expire(timer, remove), this.#clock);
    const remove = () => this.#remove(text, toast, timer);
    toast.append(element("p", { textContent: text }));
    if (label) toast.append(button({ textContent: label }, remove, action));
    toast.append(dismissButton(remove, onDismiss));
    this.#region.firstChild.append(toast);
    this.#shown.set(text, remove);
    if (this.#shown.size > MAX_TOASTS) this.#shown.values().next().value();
    if (!stays) timer.start(label ? ACTION_DURATION : DURATION);
    this.#text = text;
    this.#announcement.start(ANNOUNCEMENT_DELAY);
    return remove;
  }

  /** A visit by Turbo replaces the body. */
  #prepare() {
    if (!this.#region?.isConnected) this.#addRegions();
    // The latest popover is above the others, such as the panel of the bell.
    const used = this.#region.contains(document.activeElement);
    if (!used) this.#region.hidePopover?.();
    this.#region.showPopover?.();
  }

  #addRegions() {
    for (const remove of this.#shown.values()) remove();
    const className = "notifications-toasts";
    const ariaLabel = texts().textMessages;
    this.#region = element("div", { className, popover: "manual", role: "region", ariaLabel });
    this.#region.append(element("ul"));
    this.#region.addEventListener("focusin", this.#onFocus);
    this.#region.addEventListener("keydown", this.#onKey);
    this.#announcer = element("p", { className: "notifications-visually-hidden", role: "status" });
    for (const each of [this.#region, this.#announcer]) each.dataset.turboTemporary = "";
    document.body.append(this.#region, this.#announcer);
  }

  #onFocus = ({ relatedTarget }) => {
    if (!this.#region.contains(relatedTarget)) this.#previous = relatedTarget;
  };

  #onKey = ({ key, target }) => {
    if (key === "Escape") target.closest("li").lastChild.click();
  };

  #expire(timer, remove) {
    const used = document.hidden || this.#region.matches(":hover, :focus-within");
    if (used) timer.start(EXTENSION);
    else remove();
  }

  #remove(text, toast, timer) {
    timer.stop();
    this.#shown.delete(text);
    const focused = toast.contains(document.activeElement);
    toast.remove();
    if (!this.#shown.size) this.#clear();
    if (focused) this.#previous?.focus();
  }

  #clear() {
    this.#announcement.stop();
    this.#announcer.textContent = "";
    if (this.#region.isConnected) this.#region.hidePopover?.();
  }

  /** The same text is read out again. */
  #announce() {
    this.#announcer.textContent = "";
    this.#announcer.append(this.#text);
  }
}

const toasts = new Toasts();

/** Show a message in this page; see `Toasts.show`. */
export function showToast(text, options) {
  return toasts.show(text, options);
}

// What failed since the last message about it was used or dismissed.
let failed = [];

/** Say that the network is away, with a button that repeats all that has failed. */
export function showFailure(action) {
  failed.push(action);
  const { textFailed, textRetry } = texts();
  const retry = () => takeFailed().forEach((each) => each());
  const options = { label: textRetry, action: retry, onDismiss: takeFailed, stays: true };
  return showToast(textFailed, options);
}

function takeFailed() {
  const taken = failed;
  failed = [];
  return taken;
}

/** The texts of buttons, in the language of the page: `textUndo`, `textRetry` and others. */
export function texts() {
  return document.querySelector("meta[name=notifications]").dataset;
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

function button(properties, ...actions) {
  const type = "button";
  const made = element("button", { type, className: "notifications-plain", ...properties });
  made.addEventListener("click", () => actions.forEach((each) => each()));
  return made;
}

function dismissButton(...actions) {
  const { textDismiss } = texts();
  const looks = { className: "notifications-icon", textContent: "\u00d7" };
  return button({ ...looks, ariaLabel: textDismiss, title: textDismiss }, ...actions);
}
