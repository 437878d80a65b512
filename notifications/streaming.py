"""A connection as an iterator of SSE bytes, for any WSGI server."""

import weakref
from collections.abc import Callable, Generator, Iterable, Iterator

from django.http import StreamingHttpResponse

from notifications import frames, sse
from notifications.conf import conf
from notifications.connection import Connection, State
from notifications.frames import Frame

# So many bytes of a replay are joined into one write.
WRITE_BYTES = 16_384


class EventStream:
    """The bytes of one stream; closing it detaches the connection.

    `missed` comes first, then what the connection takes. `heartbeat` returns the
    frame to send when nothing came for HEARTBEAT_INTERVAL. `started` is called once
    when the server asks for the first bytes, and `closed` once at the end.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        missed: Iterator[Frame],
        heartbeat: Callable[[], Frame],
        started: Callable[[], None],
        closed: Callable[[], None],
    ) -> None:
        self._chunks = _chunks(connection, missed, heartbeat, started)
        # Also when nobody closes it: an error between the view and the server.
        self._finish = weakref.finalize(self, closed)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        """Detach the connection, also when no byte was ever asked for; idempotent."""
        self._chunks.close()
        self._finish()


class EventStreamResponse(StreamingHttpResponse):
    """An event stream that no cache keeps, no proxy buffers, nothing compresses."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(stream, content_type="text/event-stream; charset=utf-8")
        self["Cache-Control"] = "no-store"
        # https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
        self["X-Accel-Buffering"] = "no"
        # GZipMiddleware leaves alone what has an encoding.
        self["Content-Encoding"] = "identity"


def join(several: Iterable[Frame]) -> Iterator[bytes]:
    """Yield the frames' bytes, several frames a chunk."""
    waiting = bytearray()
    for frame in several:
        waiting += frame.body
        if len(waiting) >= WRITE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _chunks(
    connection: Connection,
    missed: Iterator[Frame],
    heartbeat: Callable[[], Frame],
    started: Callable[[], None],
) -> Generator[bytes]:
    """Yield the stream from its first byte to its last."""
    started()
    yield sse.encode_retry(round(conf.RETRY_INTERVAL * 1000))
    yield from join(missed)
    yield from _live(connection, heartbeat)
    yield frames.server_closed(connection.close_reason).body


def _live(connection: Connection, heartbeat: Callable[[], Frame]) -> Iterator[bytes]:
    """Yield what the connection brings, until it is closed and has no more."""
    while True:
        # Before taking: all that it covers is in the buffer by now.
        beat = heartbeat()
        taken = connection.take(seconds=conf.HEARTBEAT_INTERVAL)
        if taken:
            yield from join(taken)
        elif connection.state is State.CLOSED:
            return
        else:
            yield beat.body
