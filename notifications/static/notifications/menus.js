const OPEN = ".notifications-menu[open]";
const EVENTS = ["pointerdown", "focusin", "keydown"];

/** Closes the menus of a page as menus are closed: by Escape, or by going elsewhere. */
export class Menus {
  start() {
    for (const type of EVENTS) addEventListener(type, this.#look);
  }

  stop() {
    for (const type of EVENTS) removeEventListener(type, this.#look);
  }

  #look = (event) => {
    for (const menu of document.querySelectorAll(OPEN)) {
      if (event.key === "Escape") this.#escape(event, menu);
      else if (!menu.contains(event.target)) menu.open = false;
    }
  };

  /** A panel around the menu stays open. */
  #escape(event, menu) {
    event.preventDefault();
    closeMenu(menu);
  }
}

/** Close a menu, if there is one, and give its button the focus. */
export function closeMenu(menu) {
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
}
