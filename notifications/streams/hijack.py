"""Hijacked sockets: transports that write to them, and one epoll that watches them.

Everything here runs in one thread, and nothing blocks.
"""

import contextlib
import logging
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from notifications.conf import conf
from notifications.lib.log_throttle import RateLimitFilter
from notifications.live.connection import Connection, State
from notifications.live.transports import ENDED
from notifications.protocol import chunks
from notifications.protocol.frames import Batch
from notifications.streams.client_socket import PlainSocket
from notifications.streams.event_stream import EventStream
from notifications.streams.heartbeats import Heartbeats

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# Only Linux has epoll.
READABLE = getattr(select, "EPOLLIN", 0) | getattr(select, "EPOLLRDHUP", 0)
WRITABLE = getattr(select, "EPOLLOUT", 0)
# How many events one poll returns at most.
MAX_POLL_EVENTS = 256
# What clients send is read in pieces of this size and discarded.
READ_BYTES = 4_096


class Hijacker:
    """Takes over the sockets of streams, so that these need no request any more."""

    def __init__(self, poller: "Poller", heartbeats: Heartbeats) -> None:
        self._poller = poller
        self._heartbeats = heartbeats

    def count(self) -> int:
        """Return how many sockets are taken over."""
        return len(self._poller)

    def hijack(
        self, stream: EventStream, plain: PlainSocket, *, first: bytes, chunked: bool
    ) -> None:
        """Take over a stream whose opening has been read.

        `plain` is a non-blocking socket, which nobody else uses from now on. `first` is
        written to it before any frame. `chunked` tells whether the body is sent in
        chunks, as `first` is already.
        """
        connection = stream.connection
        transport = SocketTransport(
            plain,
            connection,
            poller=self._poller,
            on_end=stream.on_end,
            chunked=chunked,
        )
        waiting = stream.hand_over(transport)
        try:
            transport.start(first + chunks.framed(waiting.body, chunked=chunked))
        except BaseException:
            # Nobody else ends the connection any more.
            transport.abort()
            raise
        if connection.state is State.CLOSED:
            transport.close(connection.close_reason, drain=True)
        # Also if it is closed: the client may never read the last frame.
        self._heartbeats.add(connection)


class Poller:
    """Watches sockets: all for input and hang-ups, some until they are writable.

    `epoll` is a `select.epoll`.
    """

    def __init__(self, epoll: Any) -> None:
        self._epoll = epoll
        self._transports: dict[int, SocketTransport] = {}

    def __len__(self) -> int:
        return len(self._transports)

    def fileno(self) -> int:
        """Return a descriptor that is readable when `handle` has something to do."""
        return int(self._epoll.fileno())

    def add(self, fd: int, transport: "SocketTransport") -> None:
        """Watch the socket of a transport."""
        self._epoll.register(fd, READABLE)
        self._transports[fd] = transport

    def watch_writable(self, fd: int, *, watched: bool) -> None:
        """Start or stop watching whether a socket is writable."""
        self._epoll.modify(fd, READABLE | WRITABLE if watched else READABLE)

    def remove(self, fd: int) -> None:
        """Stop watching a socket; call it before the socket is closed."""
        del self._transports[fd]
        # The kernel forgets a closed socket by itself: epoll(7).
        with contextlib.suppress(OSError):
            self._epoll.unregister(fd)

    def handle(self) -> None:
        """Let the transports whose sockets are ready read or write."""
        for fd, event in self._epoll.poll(0, MAX_POLL_EVENTS):
            # Handling one event may remove the transport of a later one.
            transport = self._transports.get(fd)
            if transport is not None:
                self._handle(transport, event)

    def _handle(self, transport: "SocketTransport", event: int) -> None:
        """Let one transport read or write; an error ends its stream, and no other."""
        try:
            if event & WRITABLE:
                transport.flush()
            if event & ~WRITABLE:
                transport.read()
        except Exception:
            logger.exception("socket=failed")
            transport.abort()


class SocketTransport:
    """Writes to a client's socket at once, and buffers the rest until it is writable.

    `plain` is a non-blocking socket. `on_end` is called once, with the connection, when
    the socket is closed. Each write is one chunk if the body is `chunked`: clients that
    collect the bytes of other bodies pass on a chunk as soon as it is there.
    """

    # There are tens of thousands of them.
    __slots__ = (
        "_buffer", "_buffer_bytes", "_chunked", "_closing", "_connection", "_on_end",
        "_poller", "_socket", "_writable",
    )  # fmt: skip

    def __init__(
        self,
        plain: PlainSocket,
        connection: Connection,
        *,
        poller: Poller,
        on_end: Callable[[Connection], None],
        chunked: bool,
    ) -> None:
        self._socket = plain
        self._connection = connection
        self._poller = poller
        self._on_end = on_end
        self._chunked = chunked
        # Whether it is open and nothing waits, so that frames are written at once.
        self._writable = True
        self._closing = False
        # If the first write was made in part, this holds the rest, as a memoryview.
        self._buffer: deque[bytes | memoryview] | None = None
        self._buffer_bytes = 0
        poller.add(plain.fileno(), self)

    def start(self, first: bytes) -> None:
        """Write what comes before all frames that are pushed."""
        self._append(first)
        self._write_buffer()
        if self._buffer:
            self._poller.watch_writable(self._socket.fileno(), watched=True)
        elif not self._closing:
            self._writable = True

    def push(self, batch: Batch) -> bool:
        """Write frames to the client, or buffer them; see Transport."""
        # Repeats `Batch.as_chunk`, to save a call for each delivery.
        data = (batch.chunk or batch.as_chunk()) if self._chunked else batch.body
        if not self._writable:
            return self._push_to_buffer(data)
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.abort()
            return True
        if sent != len(data):
            self._append(memoryview(data)[sent:] if sent else data)
            self._poller.watch_writable(self._socket.fileno(), watched=True)
        return True

    def _push_to_buffer(self, data: bytes) -> bool:
        if self._closing:
            return True
        if self._buffer_bytes > conf.CLIENT_BUFFER_BYTES:
            return False
        self._append(data)
        return True

    def _append(self, data: bytes | memoryview) -> None:
        if self._buffer is None:
            self._buffer = deque()
        self._writable = False
        self._buffer.append(data)
        self._buffer_bytes += len(data)

    def flush(self) -> None:
        """Write the buffer to the socket, which has become writable."""
        self._write_buffer()
        if self._buffer:
            return
        if self._closing:
            self._finish()
        else:
            self._writable = True
            self._poller.watch_writable(self._socket.fileno(), watched=False)

    def _write_buffer(self) -> None:
        """Write the buffer to the socket, as far as it is writable."""
        while self._buffer:
            first = self._buffer[0]
            try:
                sent = self._socket.send(first)
            except BlockingIOError:
                return
            except OSError:
                self.abort()
                return
            self._buffer_bytes -= sent
            if sent < len(first):
                self._buffer[0] = memoryview(first)[sent:]
            else:
                self._buffer.popleft()
        self._buffer = None

    def read(self) -> None:
        """Discard what the client sends; end the stream when it has closed its end."""
        try:
            gone = not self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            self.abort()

    def close(self, reason: str, *, drain: bool) -> None:
        """Close the socket once the reason has been written; see Transport."""
        if self._closing:
            return
        self._closing = True
        if not drain:
            self._drop_buffer()
        was_writable = self._writable
        self._append(self._last_bytes(reason))
        self._write_buffer()
        if not self._buffer:
            self._finish()
        # Otherwise the poller watches it already.
        elif was_writable:
            self._poller.watch_writable(self._socket.fileno(), watched=True)

    def _last_bytes(self, reason: str) -> bytes:
        body = self._connection.last_bytes(reason)
        return chunks.encode(body) + chunks.LAST_CHUNK if self._chunked else body

    def _drop_buffer(self) -> None:
        """Drop the buffer, except for the rest of what was written in part."""
        first = self._buffer[0] if self._buffer else None
        rest = [first] if isinstance(first, memoryview) else []
        self._buffer = deque(rest)
        self._buffer_bytes = sum(map(len, rest))

    def abort(self) -> None:
        """Close the socket now; idempotent."""
        self._closing = True
        self._buffer = None
        self._finish()

    def _finish(self) -> None:
        fd = self._socket.fileno()
        if fd < 0:
            return
        self._writable = False
        self._poller.remove(fd)
        with contextlib.suppress(OSError):
            self._socket.close()
        self._on_end(self._connection)
        # Breaks the reference cycle between the connection and this transport.
        self._connection.transport = ENDED

    def is_gone(self) -> bool:
        """Tell whether the client has closed its end."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
