/**
 * What main.js brings to a page: its elements, its events and its state. The fields of
 * a site's own events are declared by the file that `./manage.py sse_types` writes,
 * which works with this one or without it.
 */

/** How the page's stream is, as in `<html data-notifications="live">`. */
export type NotificationState =
  | "connecting"
  | "live"
  | "polling"
  | "lost"
  | "stopped";

/** The fields that every event has, and whatever its payload has beside them. */
export interface NotificationData {
  /** The same event never has another one. */
  uid: string;
  /** The name of the event type. */
  type: string;
  /** The topics it is addressed to. */
  topics: string[];
  /** Who did it, or null when that is nobody or not told. */
  actor: { id: number | string; name: string } | null;
  /** When it was recorded, in ISO 8601. */
  created: string;
  [field: string]: unknown;
}

/** Any event, with the fields that `./manage.py sse_types` declared, if it did. */
export type NotificationEvent = [keyof NotificationTypes] extends [never]
  ? NotificationData
  : NotificationTypes[keyof NotificationTypes];

/** What was missed is not known: read anew what you show. */
export interface NotificationReset {
  reason: string;
}

/** How many events are unseen: 100 means 100 or more, null that it is not known. */
export interface NotificationCount {
  unseen: number | null;
}

/** What is dispatched on `document.body` and bubbles; `detail` is what came. */
export interface NotificationEventMap {
  "notifications:reset": CustomEvent<NotificationReset>;
  "notifications:count": CustomEvent<NotificationCount>;
  /** Each event and each reset, but no count. */
  notifications: CustomEvent<NotificationEvent | NotificationReset>;
}

declare global {
  /** The events by the names of their types; `./manage.py sse_types` fills it. */
  interface NotificationTypes {}

  interface HTMLElementTagNameMap {
    /** Shows how many events are unseen. */
    "notification-bell": HTMLElement;
    /** Has the rows of the inbox, of the page or of the bell's panel. */
    "notification-inbox": HTMLElement;
    /** Counts new items that the page does not show yet, and brings them. */
    "new-items-banner": HTMLElement;
    /** Follows and unfollows without leaving the page. */
    "follow-button": HTMLElement;
  }

  interface HTMLElementEventMap extends NotificationEventMap {}
  interface DocumentEventMap extends NotificationEventMap {}
  interface WindowEventMap extends NotificationEventMap {}

  interface DOMStringMap {
    /** Of `<html>` alone. */
    notifications?: NotificationState;
  }
}
