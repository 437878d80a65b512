"""A frame: an event encoded once for everybody, with what routing needs. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from notifications.protocol import sse
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EventEntry


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes for the client, at a cursor, and whom they are for.

    `actor` is not told; `told` are topics whose followers were told of the same
    before, with the time (milliseconds since 1970) by which they had to follow.
    """

    cursor: Cursor
    body: bytes
    topics: tuple[str, ...] = ()
    actor: str = ""
    already_told: Mapping[str, int] = field(default_factory=dict)
    type: str = ""


class Batch:
    """Frames in the order of the log, joined once for all that get the same."""

    __slots__ = ("body", "frames")

    def __init__(self, frames: Iterable[Frame]) -> None:
        self.frames = tuple(frames)
        self.body = b"".join([frame.body for frame in self.frames])

    def after(self, cursor: Cursor) -> "Batch":
        """Return the part that is later than a cursor."""
        return Batch(frame for frame in self.frames if frame.cursor > cursor)


def encode(entry: EventEntry, cursor: Cursor) -> Frame:
    """Return the frame of an event of the log."""
    body = sse.encode(data=entry.data, event=entry.type, event_id=str(cursor))
    return Frame(
        cursor, body, entry.topics, entry.actor, entry.already_told, entry.type
    )


def heartbeat(cursor: Cursor | None = None) -> Frame:
    """Return the frame that shows that the link lives, and how far the client is."""
    return _own(sse.HEARTBEAT, "{}", cursor)


def reset(cursor: Cursor) -> Frame:
    """Return the frame that declares a gap: what came before is in the database."""
    return _own(sse.RESET, '{"reason":"gap"}', cursor)


def count(unseen_count: int | None, cursor: Cursor | None = None) -> Frame:
    """Return the frame that says how much its reader has not seen; None: not known."""
    data = msgspec.json.encode({"unseen": unseen_count}).decode()
    return _own(sse.COUNT, data, cursor)


def server_closed(reason: str) -> Frame:
    """Return the last frame of a stream that the server ends, which says why."""
    return _own(sse.SERVER_CLOSED, msgspec.json.encode({"reason": reason}).decode())


def unplaced(body: bytes) -> Frame:
    """Return bytes as a frame that has no place in the log."""
    return Frame(_NOWHERE, body)


def _own(event: str, data: str, cursor: Cursor | None = None) -> Frame:
    event_id = str(cursor) if cursor else ""
    body = sse.encode(data=data, event=event, event_id=event_id)
    return Frame(cursor or _NOWHERE, body)


_NOWHERE = Cursor(0, 0)
# Says nothing of a place in the log.
HEARTBEAT = Batch([heartbeat()])
