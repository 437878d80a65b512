/**
 * Loaded by `{% notification_head %}`: defines the bell, loads the features that the page
 * uses and starts the stream.
 */

import { NotificationBell } from "./bell.js";
import { Connection, StreamLink } from "./connection.js";
import { features } from "./features.js";
import { LiveDocument } from "./live-document.js";

// In milliseconds: a stream that is silent for longer may be held back by a proxy.
const FIRST_TIMEOUT = 3000;
// How much longer than the server waits a poll may take.
const POLL_GRACE = 10_000;

customElements.define("notification-bell", NotificationBell);
features.start();

function start() {
  new LiveDocument({ group: tabGroup(), connect, ready: () => features.loadShown() }).start();
}

async function showOtherUser({ detail }) {
  const { dataset } = document.querySelector("meta[name=notifications]");
  (await import("./other-user.js")).showOtherUser(detail, dataset);
}

function tabGroup() {
  const { locks } = navigator;
  if (!locks || !globalThis.BroadcastChannel) return null;
  return { locks, open: (name) => new BroadcastChannel(name) };
}

function connect({ content: url, dataset }, callbacks) {
  const { EventSource } = globalThis;
  const { events, heartbeat, retry, poll, inbox, pollWait, user } = dataset;
  const who = `?user=${user}`;
  const common = { fetch: (...all) => fetch(...all), storage: storage(), now: Date.now };
  const types = ["reset", "count", "retracted", "heartbeat", ...events.split(" ")];
  const firstTimeout = poll && FIRST_TIMEOUT;
  const timeout = 2.5 * heartbeat;
  const streams = { url: url + who, types, timeout, firstTimeout, EventSource, ...common };
  const polls = { url: poll + who, inbox: inbox + who, timeout: Number(pollWait) + POLL_GRACE, ...common };
  return new Connection({
    ...callbacks,
    ...common,
    first: Number(retry),
    stream: EventSource && new StreamLink(streams),
    poll: async () => new (await import("./polling.js")).PollLink(polls),
  });
}

/** Access to the storage may be denied. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return {};
  }
}

document.addEventListener("notifications:user", showOtherUser);
// The site's own modules run first, so that their listeners miss nothing.
if (document.readyState === "complete") start();
else addEventListener("DOMContentLoaded", start, { once: true });
