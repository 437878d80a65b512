import { Page, Unseen } from "./page.js";
import { PageLife, Tab } from "./tabs.js";
import { countRows } from "./unseen-rows.js";

const META = "meta[name=notifications]";
const TOPIC = "data-notifications-topic";
const PREVIEW = "data-turbo-preview";
const CHANGES = { childList: true, subtree: true, attributeFilter: [TOPIC, "data-cursor"] };

/**
 * Keeps the connection for what the document shows: its person, and its topics. Both may
 * change without a new page, as when Turbo visits one and replaces the body, or htmx swaps
 * a part.
 */
export class LiveDocument {
  #options;
  // What was shown when it was last updated.
  #body = null;
  #shown = {};
  #tab = null;
  #life = null;
  #page = null;
  #unseen = null;
  #observer = new MutationObserver(() => this.#update());

  /**
   * `connect` is called with the meta element and callbacks; `group` is a Tab's. `ready`
   * returns a promise for what listens to events and is not loaded yet, or null.
   */
  constructor(options) {
    this.#options = options;
  }

  start() {
    this.#observer.observe(document, CHANGES);
    this.#update();
  }

  stop() {
    this.#observer.disconnect();
    this.#unseen?.stop();
    this.#disconnect();
  }

  #update() {
    if (document.documentElement.hasAttribute(PREVIEW)) return;
    this.#page?.hold(this.#options.ready());
    const { body } = document;
    const shown = whatIsShown();
    const visited = body !== this.#body || shown.cursor !== this.#shown.cursor;
    if (!visited && `${shown.topics}` === `${this.#shown.topics}`) return;
    const other = shown.user !== this.#shown.user || (visited && this.#tab?.ended);
    this.#body = body;
    this.#shown = shown;
    if (visited) this.#countUnseen();
    // The connection repeats them, from where the page was rendered.
    if (visited) this.#page?.forget();
    if (other || !isLive(shown)) this.#disconnect();
    if (this.#tab) this.#tab.move(shown.topics, visited && positionOf(shown));
    else if (isLive(shown)) this.#connect();
  }

  #countUnseen() {
    this.#unseen?.stop();
    const { meta, unseen, rows } = this.#shown;
    this.#unseen = null;
    if (!unseen) return;
    this.#unseen = new Unseen(meta.dataset, { unseen, rows: countRows(rows, unseen) });
    this.#unseen.start();
  }

  #connect() {
    const { meta, user, topics } = this.#shown;
    const { group, connect, ready } = this.#options;
    // The number changes with the messages that tabs send each other.
    const name = `notifications 4 ${meta.content} ${user}`;
    this.#page = new Page(meta.dataset);
    this.#page.hold(ready());
    this.#tab = new Tab({
      name,
      topics,
      position: positionOf(this.#shown),
      page: this.#page,
      timeout: 3 * meta.dataset.heartbeat,
      group,
      connect: (callbacks) => connect(meta, callbacks),
    });
    this.#life = new PageLife(this.#tab);
    this.#life.start();
  }

  #disconnect() {
    this.#life?.stop();
    this.#page?.stop();
    this.#tab = this.#life = this.#page = null;
    delete document.documentElement.dataset.notifications;
  }
}

function whatIsShown() {
  const meta = document.querySelector(META);
  const { user, cursor, unseen, rows } = meta?.dataset ?? {};
  const elements = [...document.querySelectorAll(`[${TOPIC}]`)];
  const topics = [...new Set(elements.map((each) => each.getAttribute(TOPIC)))];
  // A template of an older version has no rows.
  const keys = (rows ?? "").split(" ").filter(Boolean);
  return { meta, user, cursor, unseen, rows: keys, topics };
}

/** A copy, which a tab moves on. */
function positionOf({ cursor, unseen, rows }) {
  return { cursor, unseen, rows };
}

function isLive({ meta, user, topics }) {
  return meta && (user || topics.length);
}
