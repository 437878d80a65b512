/** What `{% notification_head %}` loads: defines the elements, starts the stream. */

import { NotificationBell } from "./bell.js";
import { FollowButton } from "./follow-button.js";
import { NewItemsBanner } from "./new-items-banner.js";
import { PageLife } from "./page-life.js";
import { NotificationStream } from "./stream.js";

const TOPIC = "data-notifications-topic";

customElements.define("notification-bell", NotificationBell);
customElements.define("follow-button", FollowButton);
customElements.define("new-items-banner", NewItemsBanner);

function namedTopics() {
  const elements = [...document.querySelectorAll(`[${TOPIC}]`)];
  return new Set(elements.map((each) => each.getAttribute(TOPIC)));
}

function start() {
  const { content, dataset } = document.querySelector("meta[name=notifications]");
  const topics = namedTopics();
  if (dataset.signedIn !== "true" && !topics.size) return;
  const url = new URL(content, location.href);
  for (const topic of topics) url.searchParams.append("topic", topic);
  const types = dataset.events.split(" ").filter(Boolean);
  const { cursor, retry, heartbeat } = dataset;
  const settings = { first: Number(retry), heartbeat: Number(heartbeat) };
  new PageLife(new NotificationStream({ url, types, cursor, ...settings })).start();
}

// Not before the site's own modules have run, and listen to what comes.
if (document.readyState === "complete") start();
else addEventListener("DOMContentLoaded", start, { once: true });
