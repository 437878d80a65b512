"""Parses a response as a browser does: chunks, then events. Does no I/O."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

# A carriage return at the end may be the first half of a line end.
_LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)

# Of the lines around chunks.
LINE_END = b"\r\n"


class Received(NamedTuple):
    """An event as it was dispatched; `id` is the last one that the stream gave."""

    name: str
    id: str
    data: str

    @property
    def fields(self) -> dict[str, Any]:
        """The data, decoded as JSON."""
        return json.loads(self.data)

    @property
    def uid(self) -> str:
        """The event's uid; empty for the server's own, such as a heartbeat."""
        return "" if self.name == "retracted" else self.fields.get("uid", "")


class Chunks:
    """Takes the chunked encoding off: RFC 9112, 7.1."""

    def __init__(self) -> None:
        self._waiting = b""
        # How much of a chunk is missing, with the line end after it.
        self._left = 0
        self.finished = False

    def feed(self, data: bytes) -> bytes:
        """Return the content that has come by now."""
        self._waiting += data
        content = b""
        while self._waiting and not self.finished:
            if not self._left and not self._begin():
                break
            part = self._waiting[: self._left]
            self._waiting = self._waiting[len(part) :]
            content += part[: max(self._left - len(LINE_END), 0)]
            self._left -= len(part)
            if not self._left:
                assert part.endswith(LINE_END[-len(part) :]), part
        return content

    def _begin(self) -> bool:
        """Read the size of the next chunk; return False if it is incomplete."""
        size, line_end, rest = self._waiting.partition(LINE_END)
        if not line_end:
            return False
        self._waiting, self._left = rest, int(size, 16) + len(LINE_END)
        self.finished = not int(size, 16)
        return True


class Whole:
    """Takes a body that ends with the connection: RFC 9112, 6.3."""

    finished = False

    def feed(self, data: bytes) -> bytes:
        """Return the content."""
        return data


def body_of(headers: dict[bytes, bytes]) -> Chunks | Whole:
    """Return what takes the body of a response with these headers."""
    return Chunks() if headers.get(b"transfer-encoding") == b"chunked" else Whole()


class EventParser:
    """Takes the bytes of one response, and dispatches events as a browser does.

    https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6
    """

    def __init__(self, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        # In seconds, once the server has sent it.
        self.retry: float | None = None
        self._rest = b""
        self._fields: dict[str, list[str]] = {"event": [], "data": []}

    def feed(self, data: bytes) -> Iterator[Received]:
        """Yield the events that are complete by now."""
        *lines, self._rest = _LINE_END.split(self._rest + data)
        for line in lines:
            if line:
                self._take(*line.decode().partition(":"))
            else:
                yield from self._dispatch()

    def _take(self, name: str, colon: str, value: str) -> None:
        value = value.removeprefix(" ")
        if name == "id" and "\0" not in value:
            self.last_event_id = value
        elif name == "retry" and value.isdecimal():
            self.retry = int(value) / 1000
        elif name in self._fields:
            self._fields[name].append(value)

    def _dispatch(self) -> Iterator[Received]:
        names, data = self._fields["event"], self._fields["data"]
        self._fields = {"event": [], "data": []}
        if data:
            name = names[-1] if names else "message"
            yield Received(name, self.last_event_id, "\n".join(data))
