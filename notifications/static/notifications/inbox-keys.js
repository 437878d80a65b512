// What sessions of the browser remember, so that the keys can be turned off for good.
const OFF = "notifications keys off";
const TYPED_IN = "input:not([type=checkbox]), textarea, select, [contenteditable], dialog";

/**
 * The keys of the inbox, shown by the dialog `#notifications-keys`, where they can be
 * turned off; and the button that selects all rows. Each key uses a control of the row.
 */
export class InboxKeys {
  #storage;
  // A visit by Turbo replaces the body.
  #observer = new MutationObserver(() => this.#showButton());
  #keys = {
    j: () => this.#focus(this.#neighbour(1)),
    k: () => this.#focus(this.#neighbour(-1)),
    e: () => this.#leave(".notifications-inbox-done"),
    u: () => press(this.#row?.querySelector(".notifications-inbox-read")),
    x: () => this.#row?.querySelector(".notifications-inbox-check").click(),
  };

  constructor(storage) {
    this.#storage = storage;
  }

  start() {
    document.addEventListener("change", this.#onChange);
    document.addEventListener("keydown", this.#onKey);
    document.addEventListener("click", this.#onClick);
    this.#observer.observe(document, { childList: true, subtree: true });
    this.#showButton();
  }

  stop() {
    document.removeEventListener("change", this.#onChange);
    document.removeEventListener("keydown", this.#onKey);
    document.removeEventListener("click", this.#onClick);
    this.#observer.disconnect();
  }

  #showButton() {
    const button = document.querySelector(".notifications-keys");
    if (button) button.hidden = false;
  }

  #onChange = ({ target }) => {
    if (target !== this.#toggle) return;
    if (target.checked) delete this.#storage[OFF];
    else this.#storage[OFF] = "1";
  };

  #onKey = (event) => {
    const { key, target } = event;
    if (!this.#dialog || event.repeat || this.#storage[OFF]) return;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest(TYPED_IN)) return;
    const act = key === "?" ? () => this.#open() : this.#keys[key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  #onClick = ({ target }) => {
    if (target.closest(".notifications-keys")) this.#open();
    if (target.closest(".notifications-inbox-select-all")) this.#selectAll();
  };

  #open() {
    this.#toggle.checked = !this.#storage[OFF];
    this.#dialog.showModal();
  }

  #selectAll() {
    for (const each of this.#rows) each.querySelector(".notifications-inbox-check").checked = true;
  }

  /** Use a control that removes the row; the next one has the focus. */
  #leave(selector) {
    const row = this.#row;
    const button = row?.querySelector(selector);
    if (!button) return;
    this.#focus(this.#neighbour(1) ?? this.#neighbour(-1));
    press(button);
  }

  #focus(row) {
    (row?.querySelector(".notifications-inbox-link") ?? row?.querySelector("a, button"))?.focus();
  }

  /** The row before or after that with the focus; the first one if none has it. */
  #neighbour(step) {
    const rows = this.#rows;
    const index = rows.indexOf(this.#row);
    return rows[index < 0 ? 0 : index + step];
  }

  get #row() {
    return document.activeElement?.closest("main .notifications-inbox-item");
  }

  get #rows() {
    return [...document.querySelectorAll("main .notifications-inbox-item")];
  }

  get #dialog() {
    return document.querySelector("#notifications-keys");
  }

  get #toggle() {
    return this.#dialog?.querySelector("[type=checkbox]");
  }
}

function press(button) {
  button?.form.requestSubmit(button);
}

/** Access to the storage may be denied. */
function storage() {
  try {
    return localStorage;
  } catch {
    return {};
  }
}

export const start = () => new InboxKeys(storage()).start();
