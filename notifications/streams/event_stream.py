"""A connection as an iterator of SSE bytes, for any WSGI server."""

import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.live.connection import Connection, State
from notifications.live.transports import QueueTransport, Transport
from notifications.protocol import frames, sse
from notifications.protocol.frames import Batch, Frame

# So many bytes of what waits are joined into one write.
WRITE_BYTES = 16_384
# A poll brings little more of what was missed; the client comes back for the rest.
POLL_BYTES = 65_536


class EventStream:
    """The bytes of one stream; closing it ends the connection.

    `missed` comes first, then what comes out of the queue that is the connection's
    outlet. `heartbeat` returns the frame to send when nothing came for
    HEARTBEAT_INTERVAL. `started` is called once when the server asks for the first
    bytes, and `ended` once at the end, with the connection.
    """

    def __init__(
        self,
        connection: Connection,
        queue: QueueTransport,
        *,
        missed: Iterator[Batch],
        heartbeat: Callable[[Connection], Batch],
        started: Callable[[], None],
        ended: Callable[[Connection], None],
    ) -> None:
        self.connection = connection
        self.ended = ended
        # What comes before anything live.
        self.opening = _opening(missed, started)
        self._missed = missed
        self._started = started
        self._heartbeat = heartbeat
        self._queue = queue
        self._chunks = _chunks(connection, queue, self.opening, heartbeat)
        # Also when nobody closes it: an error between the view and the server.
        self._finish = weakref.finalize(self, ended, connection)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        """End the connection, also when no byte was ever asked for; idempotent."""
        self._chunks.close()
        self._finish()

    def poll(self, is_news: Callable[[Frame], bool], *, seconds: float) -> list[Frame]:
        """Return what comes first, instead of bytes for ever, and end the connection.

        That is what was missed, if there is news in it, or else what comes within so
        many seconds. The last frame that has a cursor says how far the client is.
        Raises LogUnavailable when what was missed cannot be read.
        """
        try:
            self._started()
            found, complete = self._poll_missed()
            if any(map(is_news, found)):
                return found if complete else self._cut_short(found)
            if not complete:
                raise LogUnavailable("what was missed cannot be read now")
            # Before taking, as in _live.
            beat = self._heartbeat(self.connection)
            seconds = min(seconds, self.connection.seconds_left)
            taken = self._queue.take(seconds=seconds)
            # One that was closed has dropped what waited: it stays where it was.
            if not taken and self.connection.state is State.OPEN:
                taken = [*beat.frames]
            return found + taken
        finally:
            self.close()

    def _poll_missed(self) -> tuple[list[Frame], bool]:
        """Return what was missed, up to POLL_BYTES, and whether that is all."""
        found: list[Frame] = []
        size = 0
        for batch in self._missed:
            found += batch.frames
            size += len(batch.body)
            if size > POLL_BYTES:
                return found, False
        return found, self.connection.state is State.OPEN

    def _cut_short(self, found: list[Frame]) -> list[Frame]:
        """Return a part of what was missed; what the bell says there is not known."""
        if self.connection.unseen_count is None:
            return found
        return [*found, frames.count(None, found[-1].cursor)]

    def hand_over(self, transport: Transport) -> Batch:
        """Let the connection live on without this stream; return what waits for it.

        From now on what comes goes to that outlet, and whoever has it calls `ended`.
        Closing this does nothing any more.
        """
        self._finish.detach()
        # Under gevent taking gives way to others: what they push must not overtake it.
        waiting = Batch(self._queue.take(seconds=0))
        self.connection.transport = transport
        return waiting


class EventStreamResponse(StreamingHttpResponse):
    """An event stream that no cache keeps, no proxy buffers, nothing compresses."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(stream, content_type=f"{sse.EVENT_STREAM}; charset=utf-8")
        self.stream = stream
        # What the server makes of it, for a server that takes the socket over.
        self.exchange: Any = None
        self["Cache-Control"] = "no-store"
        # https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
        self["X-Accel-Buffering"] = "no"
        # GZipMiddleware leaves alone what has an encoding.
        self["Content-Encoding"] = "identity"

    @property
    def is_unwrapped(self) -> bool:
        """Whether no middleware has put something of its own around the stream."""
        return self._iterator is self.stream  # type: ignore[attr-defined]


def join(several: Iterable[Frame | Batch]) -> Iterator[bytes]:
    """Yield the bytes of frames or batches, several a chunk."""
    waiting = bytearray()
    for each in several:
        waiting += each.body
        if len(waiting) >= WRITE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _opening(missed: Iterator[Batch], started: Callable[[], None]) -> Generator[bytes]:
    started()
    yield sse.encode_retry(round(conf.RETRY_INTERVAL * 1000))
    yield from join(missed)


def _chunks(
    connection: Connection,
    queue: QueueTransport,
    opening: Iterator[bytes],
    heartbeat: Callable[[Connection], Batch],
) -> Generator[bytes]:
    """Yield the stream from its first byte to its last."""
    yield from opening
    yield from _live(connection, queue, heartbeat)
    yield frames.server_closed(connection.close_reason).body


def _live(
    connection: Connection,
    queue: QueueTransport,
    heartbeat: Callable[[Connection], Batch],
) -> Iterator[bytes]:
    """Yield what the connection brings, until it is closed and has no more."""
    while True:
        # Before taking: all that it covers is in the queue by now.
        beat = heartbeat(connection)
        seconds = min(conf.HEARTBEAT_INTERVAL, connection.seconds_left)
        taken = queue.take(seconds=seconds)
        if not connection.seconds_left:
            connection.close("expired", drain=True)
        if taken:
            yield from join(taken)
        elif connection.state is State.CLOSED:
            return
        else:
            yield beat.body
