/** Scenarios of an EventSource by fetch, with a clock and a server of the tests. */

import { EventParser } from "/static/notifications/event-parser.js";
import { FetchEventSource } from "/static/notifications/fetch-event-source.js";
import { Clock, settle } from "./fakes.js";

const clock = new Clock();
const requests = [];
const HEADERS = { "Content-Type": "text/event-stream; charset=utf-8" };

/** Return what is parsed of these texts. */
export function parsed(...texts) {
  const parser = new EventParser();
  const events = texts.flatMap((text) => [...parser.feed(text)]);
  return [events.map(({ type, data, lastEventId }) => [type, data, lastEventId]), parser.retry];
}

/** Open a source whose server replies with these in turn, and then never again. */
function open(...replies) {
  const fetch = async (url, options) => {
    requests.push(options.headers["Last-Event-ID"] ?? "");
    const reply = replies.shift();
    if (reply === undefined) await new Promise(() => {});
    if (reply === null) throw new TypeError("no network");
    return typeof reply === "number"
      ? new Response(null, { status: reply })
      : new Response(reply, { headers: HEADERS });
  };
  const source = new FetchEventSource("/stream/", { fetch, clock });
  const heard = [];
  for (const type of ["open", "tick", "message", "error"]) {
    source.addEventListener(type, ({ data }) =>
      heard.push(data ? `${type} ${data}` : `${type} ${source.readyState}`),
    );
  }
  return [source, heard];
}

async function pass(milliseconds) {
  clock.pass(milliseconds);
  await settle();
}

export async function streamInParts() {
  const [, heard] = open(
    "retry: 500\nevent: tick\nid: 1\ndata: one\n\ndata: cut off",
    "data: two\n\n",
    204,
  );
  await settle();
  await pass(499);
  const early = requests.length;
  await pass(1);
  await pass(500);
  await pass(60_000);
  return [heard, early, requests, clock.waiting];
}

export async function networkAway() {
  const [source, heard] = open(null, "data: one\n\n");
  await settle();
  const state = source.readyState;
  await pass(2_999);
  const early = requests.length;
  await pass(1);
  return [heard, state, early, requests.length];
}

export async function refused(status) {
  const [source, heard] = open(status);
  await settle();
  await pass(60_000);
  return [heard, source.readyState, requests.length];
}

export async function idOfAnyText() {
  open("id: …\ndata: one\n\n");
  await settle();
  await pass(3_000);
  return requests;
}

export async function closedWhileOpen() {
  const stream = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode("data: one\n\n")),
  });
  const [source, heard] = open(stream);
  await settle();
  source.close();
  source.close();
  await pass(60_000);
  return [heard, source.readyState, clock.waiting];
}

export async function attributes() {
  const [source] = open("data: one\n\n");
  const heard = [];
  source.onopen = () => heard.push("open");
  source.onmessage = ({ data, origin }) => heard.push(data, origin === location.origin);
  source.onerror = () => heard.push("error");
  await settle();
  return heard;
}

/** Return whether the module has the browser's own, where there is one. */
export async function ownOrOther() {
  const { EventSource } = await import("/static/notifications/event-source.js");
  return EventSource === globalThis.EventSource;
}
