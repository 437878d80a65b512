import { Timer } from "../notifications/timer.js";

const PREFIX = "draft";
// Whose drafts go once somebody has signed out.
const LEAVING = "drafts-end";
// In milliseconds: from a change until it is kept, and for how long it is.
const SAVE_DELAY = 300;
const MAX_AGE = 30 * 86_400_000;

/**
 * `<kept-draft>`: keeps what somebody writes in the form around it, in this browser, until
 * it was posted or the person signs out. `data-key` names the form, and `data-restored` and
 * `data-discard` are the texts of the message after it was filled in.
 */
export class KeptDraft extends HTMLElement {
  #form;
  #key;
  #timer = new Timer(() => this.#save());

  connectedCallback() {
    this.#form = this.closest("form");
    this.#key = keyOf(this.dataset.key);
    this.#form.addEventListener("input", this.#onInput);
    addEventListener("pagehide", this.#onPageHide);
    this.#restore();
  }

  disconnectedCallback() {
    this.#form.removeEventListener("input", this.#onInput);
    removeEventListener("pagehide", this.#onPageHide);
    this.#onPageHide();
  }

  #onInput = () => {
    if (!this.#timer.running) this.#timer.start(SAVE_DELAY);
  };

  #onPageHide = () => {
    if (!this.#timer.running) return;
    this.#timer.stop();
    this.#save();
  };

  get #fields() {
    return [...this.#form.querySelectorAll("input:not([type=hidden]), textarea")];
  }

  #save() {
    const values = this.#fields.map(({ value }) => value);
    if (values.some(Boolean)) storage.setItem(this.#key, JSON.stringify([Date.now(), values]));
    else storage.removeItem(this.#key);
  }

  /** Not over what the server has sent back, such as the topic that the address names. */
  #restore() {
    const kept = storage.getItem(this.#key);
    if (!kept || this.#form.querySelector("textarea").value) return;
    const [, values] = JSON.parse(kept);
    this.#fields.forEach((field, index) => (field.value ||= values[index] ?? ""));
    this.#announce();
  }

  async #announce() {
    const { showToast } = await import("../notifications/toasts.js");
    const { restored, discard: label } = this.dataset;
    showToast(restored, { label, action: () => this.#discard() });
  }

  #discard() {
    for (const field of this.#fields) field.value = field.defaultValue;
    this.#timer.stop();
    storage.removeItem(this.#key);
    this.#form.querySelector("textarea").focus();
  }
}

/** Return the key of a draft; `posted.js` has it, too. */
function keyOf(name) {
  return `${PREFIX} ${currentUser()} ${name}`;
}

function currentUser() {
  return document.querySelector("meta[name=notifications]").dataset.user;
}

/** Access to the storage may be denied. */
function openStorage() {
  try {
    return localStorage;
  } catch {
    return { getItem: () => null, setItem() {}, removeItem() {} };
  }
}

const storage = openStorage();

/** Remove what is old, and what somebody left behind. */
function clear() {
  const left = storage.getItem(LEAVING);
  storage.removeItem(LEAVING);
  const hasLeft = left && !currentUser();
  for (const key of Object.keys(storage)) {
    if (!key.startsWith(`${PREFIX} `)) continue;
    const [saved] = JSON.parse(storage.getItem(key));
    const ended = hasLeft && key.startsWith(`${PREFIX} ${left} `);
    if (ended || saved < Date.now() - MAX_AGE) storage.removeItem(key);
  }
}

function onSubmit({ target }) {
  if (target.matches("[data-ends-drafts]")) storage.setItem(LEAVING, currentUser());
}

clear();
document.addEventListener("submit", onSubmit);
customElements.define("kept-draft", KeptDraft);
