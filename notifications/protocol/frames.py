"""Frames: events that are encoded once for all clients. No I/O."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from zlib import crc32

import msgspec

from notifications.protocol import chunks, sse
from notifications.protocol.cursor import NO_CURSOR, Cursor
from notifications.protocol.entries import EventEntry, RetractEntry, UpdateEntry

# Most connections are at the newest cursor; a page may be ahead of it.
HEARTBEATS_KEPT = 16


@dataclass(frozen=True, slots=True)
class Frame:
    """An encoded event with its cursor and what routing needs to know.

    `topics`, `actor`, `already_told`, `row` and `live_only` are those of the
    EventEntry. `retracts` is the cursor of the event that a retraction retracts. An
    update of Mercure is `private` if its subscribers need a grant for it.
    """

    cursor: Cursor
    body: bytes
    topics: tuple[str, ...] = ()
    actor: str = ""
    already_told: Mapping[str, int] = field(default_factory=dict)
    type: str = ""
    row: str = ""
    retracts: Cursor | None = None
    live_only: bool = False
    private: bool = False

    @property
    def sent_at(self) -> int:
        """When the event was appended, in milliseconds since 1970.

        Follows count that existed then, for its retraction, too.
        """
        return (self.retracts or self.cursor).milliseconds


class Batch:
    """Frames in the order of the log, joined once for all connections that get them.

    `chunk` is the body as a chunk of HTTP/1.1; it is empty until `as_chunk` encodes it.
    """

    __slots__ = ("body", "chunk", "frames")

    def __init__(self, frames: Iterable[Frame]) -> None:
        self.frames = tuple(frames)
        self.body = b"".join([frame.body for frame in self.frames])
        self.chunk = b""

    def as_chunk(self) -> bytes:
        """Return the body as a chunk, encoded once for all connections."""
        if not self.chunk:
            self.chunk = chunks.encode(self.body)
        return self.chunk

    def after(self, cursor: Cursor) -> "Batch":
        """Return the batch of the frames that come after a cursor."""
        return Batch(frame for frame in self.frames if frame.cursor > cursor)


def encode(entry: EventEntry, cursor: Cursor) -> Frame:
    """Encode an event that was read from the log."""
    body = sse.encode(data=entry.data, event=entry.type, event_id=str(cursor))
    return Frame(
        cursor,
        body,
        entry.topics,
        entry.actor,
        entry.already_told,
        entry.type,
        # An entry of an older version has none.
        entry.row or str(cursor),
        live_only=entry.live_only,
    )


def encode_update(entry: UpdateEntry, cursor: Cursor) -> Frame:
    """Encode an update of Mercure that was read from the log.

    Without an id of its own it has its cursor as a fragment, which no publisher may
    use as an id.
    """
    body = sse.encode(
        data=entry.data,
        event=entry.type,
        event_id=entry.id or f"#{cursor}",
        retry=entry.retry,
    )
    return Frame(cursor, body, entry.topics, live_only=True, private=entry.private)


def encode_retraction(entry: RetractEntry, cursor: Cursor) -> Frame:
    """Encode a retraction that was read from the log; it has nothing of the payload."""
    fields = {"uid": entry.event, "type": entry.type, "topics": entry.topics}
    data = msgspec.json.encode(fields).decode()
    return Frame(
        cursor,
        sse.encode(data=data, event=sse.RETRACTED, event_id=str(cursor)),
        entry.topics,
        entry.actor,
        entry.already_told,
        entry.type,
        entry.row,
        Cursor.parse(entry.cursor),
    )


@lru_cache(HEARTBEATS_KEPT)
def heartbeat(cursor: Cursor | None = None) -> Frame:
    """Return the frame that keeps an idle stream alive and carries a cursor."""
    return _server_frame(sse.HEARTBEAT, "{}", cursor)


@lru_cache(HEARTBEATS_KEPT)
def heartbeat_batch(cursor: Cursor | None = None) -> Batch:
    """Return a heartbeat as a batch, which connections at the same cursor share."""
    return Batch([heartbeat(cursor)])


def reset(cursor: Cursor) -> Frame:
    """Return the frame that declares a gap, so that the client reloads its data."""
    return _server_frame(sse.RESET, '{"reason":"gap"}', cursor)


class UnseenCount(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of a count: the number of unseen events, or None if it is unknown.

    `rows` has the keys of the rows of all of them. Without it, `more` has those of the
    events that were added to the last number, and `less` that of one taken off.
    """

    unseen: int | None
    rows: Sequence[str] | None = None
    more: Sequence[str] = ()
    less: Sequence[str] = ()


def count(unseen: UnseenCount, cursor: Cursor | None = None) -> Frame:
    """Return the frame with a number of unseen events."""
    return _server_frame(sse.COUNT, msgspec.json.encode(unseen).decode(), cursor)


def unknown_count(cursor: Cursor) -> Frame:
    """Return the frame that says that the number of unseen events is unknown."""
    return count(UnseenCount(None), cursor)


def presence(
    topic: str, *, people: Sequence[Mapping[str, str]], count: int, digest: str
) -> Frame:
    """Return the frame that tells who is present on a topic; `people` have names.

    A client that polls sends the digest back, so as not to be told the same again.
    """
    fields = {"topic": topic, "count": count, "people": people, "digest": digest}
    return _server_frame(sse.PRESENCE, msgspec.json.encode(fields).decode())


def presence_digest(people: Sequence[Mapping[str, str]], count: int) -> str:
    """Return a digest of what a client shows, which is the same in all processes."""
    return f"{crc32(msgspec.json.encode([people, count])):08x}"


def server_closed(reason: str) -> Frame:
    """Return the last frame of a stream that the server ends, with the reason."""
    data = msgspec.json.encode({"reason": reason}).decode()
    return _server_frame(sse.SERVER_CLOSED, data)


def without_cursor(body: bytes) -> Frame:
    """Return a frame of bytes that are not an entry of the log."""
    return Frame(NO_CURSOR, body)


def _server_frame(event: str, data: str, cursor: Cursor | None = None) -> Frame:
    event_id = str(cursor) if cursor else ""
    body = sse.encode(data=data, event=event, event_id=event_id)
    return Frame(cursor or NO_CURSOR, body)
