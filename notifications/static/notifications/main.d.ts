/**
 * The elements, DOM events and state that main.js adds to a page. The file that
 * `./manage.py sse_types` writes declares the fields of the site's own events; it works
 * with this one or without it.
 */

/** The state of the page's connection, as in `<html data-notifications="live">`. */
export type NotificationState =
  | "connecting"
  | "live"
  | "polling"
  | "lost"
  | "stopped";

/** The fields that every event has, and those of its payload. */
export interface NotificationData {
  /** The unique id of the event. */
  uid: string;
  /** The name of the event type. */
  type: string;
  /** The topics it is addressed to. */
  topics: string[];
  /** The user who caused the event, or null. */
  actor: {
    id: number | string;
    name: string;
    url?: string;
    avatar?: string;
  } | null;
  /** When it was recorded, in ISO 8601. */
  created: string;
  [field: string]: unknown;
}

/** Any event, with the fields that `./manage.py sse_types` declared, if any. */
export type NotificationEvent = [keyof NotificationTypes] extends [never]
  ? NotificationData
  : NotificationTypes[keyof NotificationTypes];

/** Events were missed: reload what you show. */
export interface NotificationReset {
  reason: string;
}

/**
 * The number of unseen events, and of the rows that show them. From 100 events on,
 * there may be more. Null means unknown.
 */
export interface NotificationCount {
  unseen: number | null;
  rows: number | null;
}

/** An event was retracted: remove what you show of it. */
export interface NotificationRetraction {
  /** The unique id of the event. */
  uid: string;
  /** The name of the event type. */
  type: string;
  /** The topics it is addressed to. */
  topics: string[];
}

/** Who has a page of a topic open has changed. */
export interface NotificationPresence {
  /** The topic. */
  topic: string;
  /** How many are there, with those who are not named. */
  count: number;
  /** Some of those who have an account and do not hide. */
  people: { name: string; url?: string; avatar?: string }[];
}

/** The DOM events, dispatched on `document.body`; they bubble. */
export interface NotificationEventMap {
  "notifications:reset": CustomEvent<NotificationReset>;
  "notifications:count": CustomEvent<NotificationCount>;
  "notifications:retracted": CustomEvent<NotificationRetraction>;
  "notifications:presence": CustomEvent<NotificationPresence>;
  /** All events and resets, but not the counts, retractions and presence. */
  notifications: CustomEvent<NotificationEvent | NotificationReset>;
}

declare global {
  /** The events by event type; `./manage.py sse_types` adds them. */
  interface NotificationTypes {}

  interface HTMLElementTagNameMap {
    /** Shows the number of unseen events. */
    "notification-bell": HTMLElement;
    /** Shows the rows of the inbox, on its page or in the panel of the bell. */
    "notification-inbox": HTMLElement;
    /** Counts the new items that the page does not show yet, and loads them. */
    "new-items-banner": HTMLElement;
    /** Shows who has a page of the topic open. */
    "live-presence": HTMLElement;
    /** Marks what the inbox has about its topic as read while the page is looked at. */
    "mark-read": HTMLElement;
  }

  interface HTMLElementEventMap extends NotificationEventMap {}
  interface DocumentEventMap extends NotificationEventMap {}
  interface WindowEventMap extends NotificationEventMap {}

  interface DOMStringMap {
    /** Set on `<html>` only. */
    notifications?: NotificationState;
  }
}
