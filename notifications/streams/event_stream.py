"""A connection as an iterator of SSE bytes, for any server. Knows no socket."""

import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextvars import ContextVar
from typing import Any

from django.http import StreamingHttpResponse

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.live.connection import Connection, State
from notifications.live.transports import QueueTransport, Transport
from notifications.protocol import frames, sse
from notifications.protocol.cursor import NO_CURSOR
from notifications.protocol.frames import Batch, Frame
from notifications.streams.loop_stream import WakingQueue, loop_chunks
from notifications.streams.writes import join

HEADERS = {
    "Content-Type": f"{sse.EVENT_STREAM}; charset=utf-8",
    "Cache-Control": "no-store",
    # https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
    "X-Accel-Buffering": "no",
    # GZipMiddleware skips responses that have an encoding.
    "Content-Encoding": "identity",
}
# A poll stops reading missed frames here; the client polls again for the rest.
POLL_BYTES = 65_536


class EventStream:
    """The bytes of one stream; closing it ends the connection.

    The `missed` frames come first, then what `queue`, the connection's transport,
    receives. `heartbeat_for` returns the batch to send when no frame arrives for
    HEARTBEAT_INTERVAL. `on_start` is called once, when the server asks for the first
    bytes, and `on_end` once at the end, with the connection. `is_async` tells whether
    the server iterates over it in an event loop.
    """

    def __init__(
        self,
        connection: Connection,
        queue: QueueTransport,
        *,
        missed: Iterator[Batch],
        heartbeat_for: Callable[[Connection], Batch],
        on_start: Callable[[], None],
        on_end: Callable[[Connection], None],
        is_async: bool = False,
    ) -> None:
        self.connection = connection
        self.is_async = is_async
        # Called in the event loop when a server begins to iterate there.
        self.on_loop: Callable[[], None] = _nothing
        self.on_end = on_end
        # The bytes before the first live frame.
        self.opening = _opening(missed, on_start)
        self._missed = missed
        self._on_start = on_start
        self._heartbeat_for = heartbeat_for
        self._queue = queue
        self._chunks = _chunks(connection, queue, self.opening, heartbeat_for)
        # Runs also if nobody closes the stream, after an error between the view and
        # the server.
        self._finalizer = weakref.finalize(self, on_end, connection)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def in_loop(self) -> AsyncIterator[bytes]:
        """Return the same bytes as an async iterator, instead of this one."""
        return loop_chunks(
            self.connection,
            self._queue,
            self.opening,
            self._heartbeat_for,
            on_start=lambda: self.on_loop(),
        )

    def close(self) -> None:
        """End the connection, even if no byte was ever requested; idempotent."""
        self._chunks.close()
        self._finalizer()

    def poll(self, is_new: Callable[[Frame], bool], *, seconds: float) -> list[Frame]:
        """Return the next frames instead of a stream of bytes, and end the connection.

        These are the missed frames if one of them `is_new` to the client. Otherwise it
        waits up to `seconds` for others. The last frame that has a cursor says how far
        the client is then. Raises LogUnavailable when the missed frames cannot be read.
        """
        try:
            found, any_new = self.poll_missed(is_new)
            return found if any_new else found + self._take(seconds)
        finally:
            self.close()

    def poll_missed(self, is_new: Callable[[Frame], bool]) -> tuple[list[Frame], bool]:
        """Return the missed frames, and whether one is new; the first half of `poll`.

        If none is, `poll_in_loop` waits for others.
        """
        self._on_start()
        found, complete = self._read_missed()
        if any(map(is_new, found)):
            return found if complete else self._truncated(found), True
        if not complete:
            raise LogUnavailable("the missed events cannot be read now")
        return found, False

    async def poll_in_loop(self, *, seconds: float) -> list[Frame]:
        """Return the live frames that arrive, in an event loop; see `poll`."""
        # Encoded before taking, as in _live.
        heartbeat = self._heartbeat_for(self.connection)
        queue = WakingQueue(self._queue)
        taken = await queue.take(seconds=min(seconds, self.connection.seconds_left))
        return self._or_heartbeat(taken, heartbeat)

    def _read_missed(self) -> tuple[list[Frame], bool]:
        """Return the missed frames up to POLL_BYTES, and whether these are all."""
        found: list[Frame] = []
        size = 0
        for batch in self._missed:
            found += batch.frames
            size += len(batch.body)
            if size > POLL_BYTES:
                return found, False
        return found, self.connection.state is State.OPEN

    def _truncated(self, found: list[Frame]) -> list[Frame]:
        """Return a part of the missed frames; the unseen count is not known there."""
        if self.connection.unseen_count is None:
            return found
        return [*found, frames.unknown_count(found[-1].cursor)]

    def _take(self, seconds: float) -> list[Frame]:
        """Return the live frames that arrive within `seconds`, or else a heartbeat."""
        # Encoded before taking, as in _live.
        heartbeat = self._heartbeat_for(self.connection)
        taken = self._queue.take(seconds=min(seconds, self.connection.seconds_left))
        return self._or_heartbeat(taken, heartbeat)

    def _or_heartbeat(self, taken: list[Frame], heartbeat: Batch) -> list[Frame]:
        """Return the frames, with a heartbeat if none of them has a cursor."""
        # A closed connection has dropped its waiting frames: its cursor must not move.
        if self.connection.state is not State.OPEN:
            return taken
        has_cursor = any(each.cursor != NO_CURSOR for each in taken)
        return taken if has_cursor else [*taken, *heartbeat.frames]

    def hand_over(self, transport: Transport) -> Batch:
        """Move the connection to another transport; return the frames that wait for it.

        Frames that arrive from now on go to `transport`, whose owner calls `on_end`.
        Closing this stream does nothing any more.
        """
        self._finalizer.detach()
        # Taken first: under gevent `take` lets others run, and what they push must
        # not overtake the waiting frames.
        waiting = Batch(self._queue.take(seconds=0))
        self.connection.transport = transport
        return waiting


# Where the streams are noted that a server begins to send for a request, if at all.
SENT_STREAMS: ContextVar[list[EventStream] | None] = ContextVar(
    "notifications_sent_streams", default=None
)


class LoopBody:
    """The body of a response that is sent in an event loop."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        if (sent := SENT_STREAMS.get()) is not None:
            sent.append(self._stream)
        return self._stream.in_loop()

    def close(self) -> None:
        """End the connection; idempotent."""
        self._stream.close()


class ConnectionResponse(StreamingHttpResponse):
    """An event stream, which is not cached, compressed or buffered by proxies."""

    def __init__(self, stream: EventStream) -> None:
        body = LoopBody(stream) if stream.is_async else stream
        super().__init__(body, headers=HEADERS)
        self.stream = stream
        # The server's own objects for this request, set by a worker that can take
        # over the socket.
        self.wsgi_call: Any = None

    @property
    def is_unwrapped(self) -> bool:
        """Whether no middleware has replaced the stream by an iterator of its own."""
        return self._iterator is self.stream  # type: ignore[attr-defined]


class BareResponse:
    """An event stream as the response of a WSGI application without Django's handler.

    Its end sends no signal of Django's: there was none at its start.
    """

    # As in ConnectionResponse.
    is_unwrapped = True

    def __init__(self, stream: EventStream) -> None:
        self.stream = stream
        self.wsgi_call: Any = None

    def __iter__(self) -> Iterator[bytes]:
        return self.stream

    def close(self) -> None:
        """End the stream; see EventStream."""
        self.stream.close()


StreamResponse = ConnectionResponse | BareResponse


def _nothing() -> None:
    """Do nothing."""


def _opening(missed: Iterator[Batch], on_start: Callable[[], None]) -> Generator[bytes]:
    on_start()
    yield sse.encode_retry(round(conf.RETRY_INTERVAL * 1000))
    yield from join(missed)


def _chunks(
    connection: Connection,
    queue: QueueTransport,
    opening: Iterator[bytes],
    heartbeat_for: Callable[[Connection], Batch],
) -> Generator[bytes]:
    """Yield the stream from its first byte to its last."""
    yield from opening
    yield from _live(connection, queue, heartbeat_for)
    yield connection.last_bytes(connection.close_reason)


def _live(
    connection: Connection,
    queue: QueueTransport,
    heartbeat_for: Callable[[Connection], Batch],
) -> Iterator[bytes]:
    """Yield live frames and heartbeats until the connection is closed and drained."""
    while True:
        # Encoded before taking: every frame up to its cursor is in the queue by now.
        heartbeat = heartbeat_for(connection)
        seconds = min(conf.HEARTBEAT_INTERVAL, connection.seconds_left)
        taken = queue.take(seconds=seconds)
        if not connection.seconds_left:
            connection.close("expired", drain=True)
        if taken:
            yield from join(taken)
        elif connection.state is State.CLOSED:
            return
        else:
            yield heartbeat.body
