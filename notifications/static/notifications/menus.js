const OPEN = ".notifications-menu[open]";
const EVENTS = ["pointerdown", "focusin", "keydown"];

/** Closes the open menus of a page on Escape, and when something outside is used. */
export class Menus {
  start() {
    for (const type of EVENTS) addEventListener(type, this.#handle);
  }

  #handle = (event) => {
    for (const menu of document.querySelectorAll(OPEN)) {
      if (event.key === "Escape") this.#escape(event, menu);
      else if (!menu.contains(event.target)) menu.open = false;
    }
  };

  /** Only the menu closes, not a panel around it. */
  #escape(event, menu) {
    event.preventDefault();
    closeMenu(menu);
  }
}

/** Close a menu, if given, and focus its button. */
export function closeMenu(menu) {
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
}

export const start = () => new Menus().start();
