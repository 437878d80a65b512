"""Server-Sent Events as bytes: frames out, Last-Event-ID in. Pure, no I/O.

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
# Names on the wire that are the server's own, or that EventSource itself dispatches.
OWN_NAMES = frozenset({HEARTBEAT, RESET, SERVER_CLOSED, COUNT})
RESERVED_NAMES = OWN_NAMES | {"open", "error", "message"}


def encode(*, data: str, event: str = "", event_id: str = "") -> bytes:
    """Return one event as bytes, ending in the blank line that dispatches it.

    `data` may hold several lines; `event` and `event_id` are left out when empty.
    Raises ValueError for a line end in `event` or `event_id`, or a NUL in
    `event_id`, which a client would ignore (9.2.6, "Interpreting an event stream").
    """
    lines = [f"data: {line}" for line in _LINE_END.split(data)]
    if event:
        lines.insert(0, "event: " + _single_line(event))
    if event_id:
        lines.insert(0, "id: " + _event_id(event_id))
    return ("\n".join(lines) + "\n\n").encode()


class Fields(NamedTuple):
    """The fields of one event, each empty when it is left out."""

    event_id: str = ""
    event: str = ""
    data: str = ""


def decode(body: bytes) -> Fields:
    """Return the fields of one event, as `encode` writes it."""
    fields: dict[str, list[str]] = {}
    for line in body.decode().rstrip("\n").split("\n"):
        name, _, value = line.partition(": ")
        fields.setdefault(name, []).append(value)
    joined = {name: "\n".join(lines) for name, lines in fields.items()}
    return Fields(joined.get("id", ""), joined.get("event", ""), joined.get("data", ""))


def encode_retry(milliseconds: int) -> bytes:
    """Return the field that tells the client how long to wait before it returns."""
    return f"retry: {milliseconds}\n\n".encode()


def _single_line(text: str) -> str:
    if _LINE_END.search(text):
        raise ValueError(f"expected one line, got {ascii(text)[:80]}")
    return text


def _event_id(text: str) -> str:
    if "\0" in text:
        raise ValueError(f"expected an id without NUL, got {ascii(text)[:80]}")
    return _single_line(text)


def last_event_id(header: str | None, parameters: list[str]) -> str | None:
    """Return where the client says it was: the header, else the query's parameter.

    The header wins, since a browser that reconnects sends the page's old query with
    it. Several parameters contradict each other and count as an id that is nowhere.
    """
    if header is not None:
        return header
    if len(parameters) > 1:
        return ""
    return parameters[0] if parameters else None
