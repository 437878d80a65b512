import { Retry } from "./retry.js";

/**
 * What only some pages need, by name: a selector, and the module that is loaded as soon as
 * an element of the page matches it, whose function `start` is called once. Django
 * replaces the names of modules by hashed ones only where they are literals.
 */
const FEATURES = {
  banner: ["new-items-banner", () => import("./new-items-banner.js")],
  follow: ["form.notifications-follow", () => import("./follow-button.js")],
  // Whatever opens a panel loads its inbox.
  inbox: ["notification-inbox:not([popover] *)", () => import("./inbox.js")],
  keys: ["#notifications-keys", () => import("./inbox-keys.js")],
  markRead: ["mark-read", () => import("./mark-read.js")],
  menus: ["details.notifications-menu", () => import("./menus.js")],
  presence: ["live-presence", () => import("./presence.js")],
  quiet: ["meta[data-quiet-hours]", () => import("./quiet-hours.js")],
  times: ["time[data-relative]", () => import("./relative-times.js")],
  zone: ['meta[data-time-zone=""]', () => import("./time-zone.js")],
};

// Elements that listen once a module of the site defines them.
const UNDEFINED = "[data-notifications-topic]:not(:defined)";
// In milliseconds: how long events wait for what listens to them.
const TIMEOUT = 3000;

/** Loads the features of a page, also those whose elements come later. */
export class Features {
  #features;
  // The promise of each feature that was requested, and those whose module failed to load.
  #loads = new Map();
  #failed = new Set();
  // The waits for features and elements, and the names of those that have ended.
  #waits = new Map();
  #awaited = new Set();
  #retry;
  #observer = new MutationObserver(() => this.loadShown());

  /** `features` has a selector and a function that imports a module, by name. */
  constructor(features, options) {
    this.#features = features;
    this.#retry = new Retry(() => this.#loadFailed(), options);
  }

  start() {
    this.#observer.observe(document, { childList: true, subtree: true });
    this.loadShown();
  }

  stop() {
    this.#observer.disconnect();
    this.#retry.stop();
  }

  /** Load a feature, once; the promise is rejected if that fails. */
  load(name) {
    if (!this.#loads.has(name)) this.#loads.set(name, this.#load(name));
    return this.#loads.get(name);
  }

  /**
   * Load what the page shows. Return a promise that is fulfilled when all of it listens, or
   * null if it does already.
   */
  loadShown() {
    const isShown = (name) => document.querySelector(this.#features[name][0]);
    const shown = Object.keys(this.#features).filter(isShown);
    const elements = [...document.querySelectorAll(UNDEFINED)].map(({ localName }) => localName);
    const names = [...shown, ...elements].filter((name) => !this.#awaited.has(name));
    return names.length ? Promise.all(names.map((name) => this.#wait(name))) : null;
  }

  #wait(name) {
    if (!this.#waits.has(name)) this.#waits.set(name, this.#waitFor(name));
    return this.#waits.get(name);
  }

  async #waitFor(name) {
    const isFeature = name in this.#features;
    const loading = isFeature ? this.load(name) : customElements.whenDefined(name);
    const late = new Promise((resolve) => setTimeout(resolve, TIMEOUT));
    await Promise.race([loading.catch(() => {}), late]);
    this.#awaited.add(name);
  }

  async #load(name) {
    const { start } = await this.#import(name);
    try {
      start();
    } catch (error) {
      reportError(error);
    }
  }

  async #import(name) {
    const [, load] = this.#features[name];
    try {
      const module = await load();
      this.#retry.succeeded();
      return module;
    } catch (error) {
      this.#failed.add(name);
      this.#retry.failed();
      throw error;
    }
  }

  #loadFailed() {
    const failed = [...this.#failed];
    this.#failed.clear();
    for (const name of failed) this.#loads.delete(name);
    for (const name of failed) this.load(name).catch(() => {});
  }
}

export const features = new Features(FEATURES);
