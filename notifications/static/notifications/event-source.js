/**
 * The browser's EventSource, or one by fetch where there is none. Use it for streams of
 * your own:
 *
 * import { EventSource } from "…/notifications/event-source.js";
 */

export const EventSource =
  globalThis.EventSource ?? (await import("./fetch-event-source.js")).FetchEventSource;
