import { CoalescingTask } from "./coalescing-task.js";
import { fetchPage, pageOf, requestPage, submitNatively } from "./http.js";
import { closeMenu } from "./menus.js";
import { whilePending } from "./pending.js";
import { reconcile } from "./reconcile.js";
import { Timer } from "./timer.js";
import { showFailure, texts } from "./toasts.js";

// In milliseconds: many clients get the same event, and should not request the inbox
// at the same time.
const MAX_JITTER = 300;
const TRIGGERS = ["notifications:count", "notifications:reset", "visibilitychange"];

/**
 * `<notification-inbox>`: submits its form in place, and updates its parts, each with a
 * `data-key`, from the page at `data-url`. A POST to `data-seen` marks them as seen.
 */
export class NotificationInbox extends HTMLElement {
  #loading = new CoalescingTask(() => this.#load());
  #timer = new Timer(() => this.refresh());
  #hasUnseen = true;
  // Odd while a form is submitted; its response is newer than pages requested before.
  #submissions = 0;
  #offered = newButton(() => this.#showOffered());
  // Whether somebody asked for the new rows, until they are shown.
  #asked = false;

  connectedCallback() {
    this.addEventListener("submit", this.#onSubmit);
    this.addEventListener("click", this.#onClick);
    this.addEventListener("auxclick", this.#onClick);
    document.addEventListener("notifications:retracted", this.#onRetracted);
    for (const type of TRIGGERS) document.addEventListener(type, this.#onTrigger);
    this.#timer.start(0);
  }

  disconnectedCallback() {
    document.removeEventListener("notifications:retracted", this.#onRetracted);
    for (const type of TRIGGERS) document.removeEventListener(type, this.#onTrigger);
    this.#timer.stop();
  }

  /** Load the rows, if the inbox is visible. */
  refresh() {
    if (!document.hidden && this.getClientRects().length) this.#loading.request();
  }

  #onTrigger = ({ detail }) => {
    this.#hasUnseen ||= detail?.unseen > 0;
    this.#refreshSoon();
  };

  /** The row goes at once; what else is in its group comes from the server. */
  #onRetracted = ({ detail: { uid } }) => {
    const rows = [...this.querySelectorAll(".notifications-inbox-item")];
    const row = rows.find(({ dataset }) => dataset.uid === uid);
    if (row) this.#keepFocus(() => row.remove());
    this.#refreshSoon();
  };

  #refreshSoon() {
    if (!this.#timer.running) this.#timer.start(MAX_JITTER * Math.random());
  }

  async #load() {
    const { url, seen } = this.dataset;
    const submissions = this.#submissions;
    const page = url && (await fetchPage(url));
    // Without the address, somebody else is signed in now.
    if (!this.dataset.url) return;
    if (submissions % 2 || submissions !== this.#submissions) return;
    const waiting = this.#isInUse && !this.#asked ? this.#countNew(page) : 0;
    this.#offer(waiting);
    if (waiting) return;
    const shown = this.#show(page, "status");
    if (!page && !this.querySelector("form")) this.#showFailure();
    if (shown && seen && this.#hasUnseen) this.#post(seen);
    this.#hasUnseen &&= !shown;
    this.#asked &&= !shown;
  }

  #showOffered() {
    this.#asked = true;
    this.refresh();
  }

  /** Say that the first rows cannot be loaded, with a button that tries again. */
  #showFailure() {
    const { textFailed, textRetry } = texts();
    const retry = document.createElement("button");
    Object.assign(retry, { type: "button", className: "notifications-plain" });
    retry.textContent = textRetry;
    retry.addEventListener("click", () => this.refresh());
    this.querySelector("p").replaceChildren(textFailed, " ", retry);
  }

  /** Rows that somebody points at, or where the keyboard is, stay where they are. */
  get #isInUse() {
    const rows = this.#find("rows");
    return !!(rows?.matches(":hover") || rows?.querySelector(":focus-visible"));
  }

  /** The new ones are the first. */
  #countNew(page) {
    const fresh = this.#formOf(page);
    if (!fresh) return 0;
    const known = new Set(uidsOf(this));
    const uids = uidsOf(fresh);
    const first = uids.findIndex((each) => known.has(each));
    return first < 0 ? uids.length : first;
  }

  /** Offer new rows by a button; without any, remove it. */
  #offer(count) {
    if (!count) return this.#withdraw();
    this.#offered.textContent = texts().textNew.replace("%d", count);
    if (!this.#offered.isConnected) this.#find("rows").before(this.#offered);
  }

  #withdraw() {
    if (document.activeElement === this.#offered) this.#find("status").focus();
    this.#offered.remove();
  }

  /** Following the link of a row marks the row as read. */
  #onClick = ({ target, button }) => {
    const link = target.closest(".notifications-unread a");
    const { url, uid } = link?.closest(".notifications-unread").dataset ?? {};
    const leads = link?.matches(".notifications-inbox-link") || link?.getAttribute("href") === url;
    if (button > 1 || !uid || !leads) return;
    this.#post(this.querySelector("form").action, uid);
  };

  #post(url, uid = "") {
    const { value } = this.querySelector("[name=csrfmiddlewaretoken]");
    const headers = { Accept: "application/json", "X-CSRFToken": value };
    const body = new URLSearchParams({ uid });
    // Continues when the page is left.
    fetch(url, { method: "POST", headers, body, keepalive: true }).catch(() => {});
  }

  #onSubmit = (event) => {
    event.preventDefault();
    const { target: form, submitter } = event;
    const body = new URLSearchParams(new FormData(form, submitter));
    const url = submitter.getAttribute("formaction") ?? form.action;
    closeMenu(submitter.closest("details"));
    this.#send(submitter, url, body);
  };

  async #send(submitter, url, body) {
    this.#submissions++;
    const sent = requestPage(url, { method: "POST", body });
    const response = await whilePending(submitter, sent);
    const page = await pageOf(response);
    this.#submissions++;
    this.#refreshSoon();
    if (!response) showFailure(() => this.#send(submitter, url, body));
    else if (!this.#show(page)) this.#showError(submitter);
  }

  /** The row of the button may have changed before it was retried. */
  #showError(submitter) {
    if (submitter.isConnected) submitNatively(submitter);
    else location.reload();
  }

  /** Show the inbox of a page without the part `except`; return whether it has one. */
  #show(page, except) {
    const fresh = this.#formOf(page);
    const form = this.querySelector("form");
    if (!fresh) return false;
    if (form) this.#keepFocus(() => this.#update(fresh, except));
    else this.replaceChildren(fresh);
    return true;
  }

  #formOf(page) {
    return page?.querySelector(`${this.localName} > form`);
  }

  #update(fresh, except) {
    for (const part of fresh.querySelectorAll("form > [data-key]")) {
      const { key } = part.dataset;
      if (key !== except) reconcile(this.#find(key), part);
    }
  }

  /** Move the focus to the element that replaces the focused one. */
  #keepFocus(change) {
    const active = document.activeElement;
    const part = this.contains(active) && active.closest("[data-key]");
    const index = part && controls(part).indexOf(active);
    change();
    if (!part || active.isConnected) return;
    const successor = this.#find(part.dataset.key) ?? this.#find("status");
    if (active.closest("[open]")) {
      successor.querySelector("details")?.setAttribute("open", "");
    }
    (controls(successor)[index] ?? this.#find("status")).focus();
  }

  #find(key) {
    return this.querySelector(`[data-key="${key}"]`);
  }
}

function newButton(action) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "notifications-new-items-banner" });
  made.dataset.turboTemporary = "";
  made.addEventListener("click", action);
  return made;
}

function uidsOf(root) {
  return [...root.querySelectorAll(".notifications-inbox-item")].map(({ dataset }) => dataset.uid);
}

function controls(root) {
  return [...root.querySelectorAll("a, button, summary")];
}

export const start = () => customElements.define("notification-inbox", NotificationInbox);
