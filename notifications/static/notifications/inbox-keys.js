// What sessions of the browser remember, so that the keys can be turned off for good.
const OFF = "notifications keys off";
const TYPED_IN = "input:not([type=checkbox]), textarea, select, [contenteditable], dialog";

/**
 * The keys of the inbox, shown by the dialog `#notifications-keys`, where they can be
 * turned off; and the button that selects all rows. Each key uses a control of the row.
 */
export class InboxKeys {
  #dialog;
  #storage;
  #keys = {
    j: () => this.#focus(this.#neighbour(1)),
    k: () => this.#focus(this.#neighbour(-1)),
    e: () => this.#leave(".inbox-done"),
    u: () => press(this.#row?.querySelector(".inbox-read")),
    x: () => this.#row?.querySelector(".inbox-check").click(),
  };

  constructor(dialog, storage) {
    this.#dialog = dialog;
    this.#storage = storage;
  }

  start() {
    this.#toggle.checked = !this.#storage.getItem(OFF);
    this.#toggle.addEventListener("change", this.#onToggle);
    document.addEventListener("keydown", this.#onKey);
    document.addEventListener("click", this.#onClick);
    document.querySelector(".notifications-keys").hidden = false;
  }

  stop() {
    this.#toggle.removeEventListener("change", this.#onToggle);
    document.removeEventListener("keydown", this.#onKey);
    document.removeEventListener("click", this.#onClick);
  }

  #onToggle = () => {
    if (this.#toggle.checked) this.#storage.removeItem(OFF);
    else this.#storage.setItem(OFF, "1");
  };

  #onKey = (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest(TYPED_IN)) return;
    if (!this.#toggle.checked) return;
    const act = key === "?" ? () => this.#dialog.showModal() : this.#keys[key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  #onClick = ({ target }) => {
    if (target.closest(".notifications-keys")) this.#dialog.showModal();
    if (target.closest(".inbox-select-all")) this.#selectAll();
  };

  #selectAll() {
    for (const each of this.#rows) each.querySelector(".inbox-check").checked = true;
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
    (row?.querySelector(".inbox-link") ?? row?.querySelector("a, button"))?.focus();
  }

  /** The row before or after that with the focus; the first one if none has it. */
  #neighbour(step) {
    const rows = this.#rows;
    const index = rows.indexOf(this.#row);
    return rows[index < 0 ? 0 : index + step];
  }

  get #row() {
    return document.activeElement?.closest("main .inbox-item");
  }

  get #rows() {
    return [...document.querySelectorAll("main .inbox-item")];
  }

  get #toggle() {
    return this.#dialog.querySelector("[type=checkbox]");
  }
}

function press(button) {
  button?.form.requestSubmit(button);
}

export const start = () => {
  new InboxKeys(document.querySelector("#notifications-keys"), localStorage).start();
};
