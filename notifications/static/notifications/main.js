/** What `{% notification_head %}` loads: defines the elements, starts the rest. */

import { NotificationBell } from "./bell.js";
import { Connection, StreamLink } from "./connection.js";
import { FollowButton } from "./follow-button.js";
import { NotificationInbox } from "./inbox.js";
import { Menus } from "./menus.js";
import { NewItemsBanner } from "./new-items-banner.js";
import { Page, RelativeTimes, Unseen } from "./page.js";
import { PageLife, Tab } from "./tabs.js";

const TOPIC = "data-notifications-topic";
// In milliseconds: after that a stream without a sign may be kept back by a proxy; and
// how much longer a poll may take than the server waits.
const FIRST_SIGN = 3000;
const GRACE = 10_000;

customElements.define("notification-bell", NotificationBell);
customElements.define("notification-inbox", NotificationInbox);
customElements.define("follow-button", FollowButton);
customElements.define("new-items-banner", NewItemsBanner);
new Menus().start();

const { content: url, dataset } = document.querySelector("meta[name=notifications]");

function start() {
  new RelativeTimes().start();
  const elements = [...document.querySelectorAll(`[${TOPIC}]`)];
  const topics = [...new Set(elements.map((each) => each.getAttribute(TOPIC)))];
  const { reader, cursor, unseen } = dataset;
  if (!reader && !topics.length) return;
  if (unseen) new Unseen(dataset).start();
  const name = `notifications ${url} ${reader}`;
  const page = new Page(dataset);
  const pair = { cursor, unseen };
  const patience = 3 * dataset.heartbeat;
  const options = { name, topics, pair, page, patience, group: group(), connect };
  new PageLife(new Tab(options)).start();
}

function group() {
  const { locks } = navigator;
  if (!locks || !globalThis.BroadcastChannel) return null;
  return { locks, open: (name) => new BroadcastChannel(name) };
}

function connect(on) {
  const { EventSource } = globalThis;
  const { events, heartbeat, retry, poll, inbox, pollWait } = dataset;
  const common = { fetch: (...all) => fetch(...all), storage: storage(), now: Date.now };
  const types = ["reset", "count", "heartbeat", ...events.split(" ")];
  const streams = { url, types, patience: 2.5 * heartbeat, EventSource, ...common };
  const polls = { url: poll, inbox, patience: Number(pollWait) + GRACE, ...common };
  return new Connection({
    ...on,
    ...common,
    first: Number(retry),
    stream: EventSource && new StreamLink({ ...streams, first: poll && FIRST_SIGN }),
    poll: async () => new (await import("./polling.js")).PollLink(polls),
  });
}

/** Storage may be denied. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return {};
  }
}

// Not before the site's own modules have run, and listen to what comes.
if (document.readyState === "complete") start();
else addEventListener("DOMContentLoaded", start, { once: true });
