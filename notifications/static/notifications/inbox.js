import { fetchPage, sendPlainly } from "./http.js";
import { closeMenu } from "./menus.js";
import { renew } from "./renew.js";
import { Timer } from "./timer.js";
import { Turns } from "./turns.js";

// In milliseconds: many are told of the same event, and do not ask all at once.
const SPREAD = 300;
const NEWS = ["notifications:count", "notifications:reset", "visibilitychange"];

/**
 * `<notification-inbox>`: sends its form in place, and renews its parts, each with a
 * `data-key`, from the page at `data-address`. What it shows is seen at `data-seen`.
 */
export class NotificationInbox extends HTMLElement {
  #turns = new Turns(() => this.#load());
  #timer = new Timer(() => this.refresh());
  #unseen = true;
  // Odd while a form is sent: what that brings is newer than what was asked before.
  #sent = 0;

  connectedCallback() {
    this.addEventListener("submit", this.#send);
    this.addEventListener("click", this.#read);
    this.addEventListener("auxclick", this.#read);
    for (const type of NEWS) document.addEventListener(type, this.#soon);
    this.#timer.start(0);
  }

  disconnectedCallback() {
    for (const type of NEWS) document.removeEventListener(type, this.#soon);
    this.#timer.stop();
  }

  /** Show what is there now, if anybody looks. */
  refresh() {
    if (!document.hidden && this.getClientRects().length) this.#turns.ask();
  }

  #soon = ({ detail }) => {
    this.#unseen ||= detail?.unseen > 0;
    if (!this.#timer.running) this.#timer.start(SPREAD * Math.random());
  };

  async #load() {
    const { address, seen } = this.dataset;
    const sent = this.#sent;
    const page = await fetchPage(address);
    if (sent % 2 || sent !== this.#sent) return;
    const shown = this.#show(page, "status");
    if (shown && seen && this.#unseen) this.#post(seen);
    this.#unseen &&= !shown;
  }

  /** Whoever opens what a row tells of has read it. */
  #read = ({ target, button }) => {
    const link = target.closest(".unread a");
    const { url, uid } = link?.closest(".unread").dataset ?? {};
    if (button > 1 || !uid || link.getAttribute("href") !== url) return;
    this.#post(this.querySelector("form").action, uid);
  };

  #post(address, uid = "") {
    const { value } = this.querySelector("[name=csrfmiddlewaretoken]");
    const headers = { Accept: "application/json", "X-CSRFToken": value };
    const body = new URLSearchParams({ uid });
    // Goes on while the page is left.
    fetch(address, { method: "POST", headers, body, keepalive: true }).catch(() => {});
  }

  #send = async (event) => {
    event.preventDefault();
    const { target: form, submitter } = event;
    const body = new URLSearchParams(new FormData(form, submitter));
    const address = submitter.getAttribute("formaction") ?? form.action;
    closeMenu(submitter.closest("details"));
    this.#sent++;
    const page = await fetchPage(address, { method: "POST", body });
    this.#sent++;
    this.#soon({});
    if (!this.#show(page)) sendPlainly(submitter);
  };

  /** Show the inbox of a page but for the part `except`; tell whether it has one. */
  #show(page, except) {
    const fresh = page?.querySelector(`${this.localName} > form`);
    const form = this.querySelector("form");
    if (!fresh) return false;
    if (form) this.#keepFocus(() => this.#renew(fresh, except));
    else this.replaceChildren(fresh);
    return true;
  }

  #renew(fresh, except) {
    for (const part of fresh.querySelectorAll("form > [data-key]")) {
      const { key } = part.dataset;
      if (key !== except) renew(this.#find(key), part);
    }
  }

  /** What replaces the element with the focus gets it. */
  #keepFocus(change) {
    const active = document.activeElement;
    const home = this.contains(active) && active.closest("[data-key]");
    const index = home && controls(home).indexOf(active);
    change();
    if (!home || active.isConnected) return;
    const again = this.#find(home.dataset.key) ?? this.#find("status");
    if (active.closest("[open]")) again.querySelector("details")?.setAttribute("open", "");
    (controls(again)[index] ?? this.#find("status")).focus();
  }

  #find(key) {
    return this.querySelector(`[data-key="${key}"]`);
  }
}

function controls(root) {
  return [...root.querySelectorAll("a, button, summary")];
}
