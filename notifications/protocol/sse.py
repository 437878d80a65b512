"""Server-Sent Events as bytes: frames out, Last-Event-ID in. No I/O.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import re
from typing import NamedTuple

EVENT_STREAM = "text/event-stream"
_LINE_END = re.compile("\r\n|\r|\n")

HEARTBEAT = "heartbeat"
RESET = "reset"
SERVER_CLOSED = "server_closed"
COUNT = "count"
RETRACTED = "retracted"
PRESENCE = "presence"
# The names of the events that only the server itself may send.
SERVER_NAMES = frozenset({HEARTBEAT, RESET, SERVER_CLOSED, COUNT, RETRACTED, PRESENCE})
# No event type may have one of these: EventSource itself dispatches the last three.
RESERVED_NAMES = SERVER_NAMES | {"open", "error", "message"}


def encode(
    *, data: str, event: str = "", event_id: str = "", retry: int | None = None
) -> bytes:
    """Encode one event, ending in the blank line that dispatches it.

    `data` may have several lines; an empty `event` or `event_id` is left out. `retry`
    is how many milliseconds the client waits before it reconnects. Raises
    ValueError for a line end in `event` or `event_id`, and for a NUL in `event_id`,
    since clients ignore such an id (9.2.6, "Interpreting an event stream").
    """
    # Most data is one line, and the regular expression takes as long as all the rest.
    one_line = "\n" not in data and "\r" not in data
    parts = [data] if one_line else _LINE_END.split(data)
    lines = [f"data: {line}" for line in parts]
    if event:
        lines.insert(0, "event: " + _single_line(event))
    if event_id:
        lines.insert(0, "id: " + _event_id(event_id))
    if retry is not None:
        lines.insert(0, f"retry: {retry}")
    return ("\n".join(lines) + "\n\n").encode()


class Fields(NamedTuple):
    """The fields of one event; a field that was left out is empty."""

    event_id: str = ""
    event: str = ""
    data: str = ""


def decode(body: bytes) -> Fields:
    """Decode one event that `encode` returned."""
    fields: dict[str, list[str]] = {}
    for line in body.decode().rstrip("\n").split("\n"):
        name, _, value = line.partition(": ")
        fields.setdefault(name, []).append(value)
    joined = {name: "\n".join(lines) for name, lines in fields.items()}
    return Fields(joined.get("id", ""), joined.get("event", ""), joined.get("data", ""))


def encode_retry(milliseconds: int) -> bytes:
    """Encode how long the client waits before it reconnects.

    The line belongs to the event that follows: some clients take a `retry` with an end
    of its own for an event without data.
    """
    return f"retry: {milliseconds}\n".encode()


def _single_line(text: str) -> str:
    if _LINE_END.search(text):
        raise ValueError(f"expected one line, got {ascii(text)[:80]}")
    return text


def _event_id(text: str) -> str:
    if "\0" in text:
        raise ValueError(f"expected an id without NUL, got {ascii(text)[:80]}")
    return _single_line(text)


def last_event_id(header: str | None, parameters: list[str]) -> str | None:
    """Return the client's Last-Event-ID, or None if it did not send one.

    The header wins over the query parameter, since a browser that reconnects sends the
    header with the page's original URL. Several parameters contradict each other: they
    give an empty id, which no entry has.
    """
    if header is not None:
        return _decoded(header)
    if len(parameters) > 1:
        return ""
    return parameters[0] if parameters else None


def _decoded(header: str) -> str:
    """Return the text of a Last-Event-ID header, which clients encode as UTF-8.

    Servers hand it over as if it were ISO 8859-1 (PEP 3333).
    """
    if header.isascii():
        return header
    return header.encode("latin-1", "replace").decode("utf-8", "replace")
