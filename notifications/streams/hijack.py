"""Sockets taken over from the server: outlets that write, and one epoll for them all.

Everything here happens in one thread, and nothing blocks.
"""

import contextlib
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from notifications.conf import conf
from notifications.live.connection import Connection, State
from notifications.live.transports import ENDED
from notifications.protocol.frames import Batch, server_closed, without_cursor
from notifications.streams.client_socket import PlainSocket
from notifications.streams.event_stream import EventStream
from notifications.streams.heartbeats import Heartbeats

# Only Linux has epoll.
READABLE = getattr(select, "EPOLLIN", 0) | getattr(select, "EPOLLRDHUP", 0)
WRITABLE = getattr(select, "EPOLLOUT", 0)
# How many sockets one look at the epoll returns at most.
EVENTS_AT_ONCE = 256
# What a client that only listens may send at a time; it is thrown away.
READ_BYTES = 4_096


class Hijacker:
    """Lets streams live on by their sockets alone."""

    def __init__(self, poller: "Poller", heartbeats: Heartbeats) -> None:
        self._poller = poller
        self._heartbeats = heartbeats

    def take(self, stream: EventStream, plain: PlainSocket, *, first: bytes) -> None:
        """Take over a stream, but for its opening; `plain` is ours from now on.

        `first` is what is to be written before anything that comes.
        """
        connection = stream.connection
        transport = SocketTransport(
            plain, connection, poller=self._poller, ended=stream.ended
        )
        waiting = stream.hand_over(transport)
        transport.push(Batch([without_cursor(first), *waiting.frames]))
        if connection.state is State.CLOSED:
            transport.close(connection.close_reason, drain=True)
        # One that is closed is ended there if the client does not take its last frame.
        self._heartbeats.add(connection)


class Poller:
    """Watches sockets: all for clients that leave, some for room to write.

    `epoll` is a `select.epoll`.
    """

    def __init__(self, epoll: Any) -> None:
        self._epoll = epoll
        self._outlets: dict[int, SocketTransport] = {}

    def fileno(self) -> int:
        """Return the descriptor that is readable when `handle` has something to do."""
        return int(self._epoll.fileno())

    def add(self, fd: int, transport: "SocketTransport") -> None:
        """Watch the client of an outlet."""
        self._epoll.register(fd, READABLE)
        self._outlets[fd] = transport

    def watch(self, fd: int, *, writable: bool) -> None:
        """Watch for room to write, too, or no longer."""
        self._epoll.modify(fd, READABLE | WRITABLE if writable else READABLE)

    def remove(self, fd: int) -> None:
        """Watch this one no longer; to be called before its socket is closed."""
        del self._outlets[fd]
        self._epoll.unregister(fd)

    def handle(self) -> None:
        """Let those that are ready read or write."""
        for fd, event in self._epoll.poll(0, EVENTS_AT_ONCE):
            # What one does may end another.
            transport = self._outlets.get(fd)
            if transport is not None and event & WRITABLE:
                transport.flush()
            if transport is not None and event & ~WRITABLE:
                transport.read()


class SocketTransport:
    """Writes to a client's socket at once; what does not go waits until there is room.

    `plain` is a socket that does not block. `ended` is called once, with the
    connection, when it is closed.
    """

    # There are tens of thousands of them.
    __slots__ = (
        "_clear", "_closing", "_connection", "_ended", "_poller", "_socket",
        "_waiting", "_waiting_bytes",
    )  # fmt: skip

    def __init__(
        self,
        plain: PlainSocket,
        connection: Connection,
        *,
        poller: Poller,
        ended: Callable[[Connection], None],
    ) -> None:
        self._socket = plain
        self._connection = connection
        self._poller = poller
        self._ended = ended
        # Whether it is open and nothing waits, so that what comes may be written.
        self._clear = True
        self._closing = False
        # Of what was written in part, the first holds the rest, as a memoryview.
        self._waiting: deque[bytes | memoryview] | None = None
        self._waiting_bytes = 0
        poller.add(plain.fileno(), self)

    def push(self, batch: Batch) -> bool:
        """Write what is for the client; see Outlet."""
        if not self._clear:
            return self._push_behind(batch.body)
        try:
            sent = self._socket.send(batch.body)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.abort()
            return True
        if sent != len(batch.body):
            self._keep(memoryview(batch.body)[sent:] if sent else batch.body)
            self._poller.watch(self._socket.fileno(), writable=True)
        return True

    def _push_behind(self, body: bytes) -> bool:
        if self._closing:
            return True
        if self._waiting_bytes > conf.CLIENT_BUFFER_BYTES:
            return False
        self._keep(body)
        return True

    def _keep(self, body: bytes | memoryview) -> None:
        if self._waiting is None:
            self._waiting = deque()
        self._clear = False
        self._waiting.append(body)
        self._waiting_bytes += len(body)

    def flush(self) -> None:
        """Write what waits, as far as there is room."""
        while self._waiting:
            first = self._waiting[0]
            try:
                sent = self._socket.send(first)
            except BlockingIOError:
                return
            except OSError:
                self.abort()
                return
            self._waiting_bytes -= sent
            if sent < len(first):
                self._waiting[0] = memoryview(first)[sent:]
            else:
                self._waiting.popleft()
        self._waiting = None
        if self._closing:
            self._finish()
        else:
            self._clear = True
            self._poller.watch(self._socket.fileno(), writable=False)

    def read(self) -> None:
        """Throw away what the client sends; the end of it is the end of the stream."""
        try:
            gone = not self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            self.abort()

    def close(self, reason: str, *, drain: bool) -> None:
        """Say why, and close the socket once that is written; see Outlet."""
        if self._closing:
            return
        self._closing = True
        if not drain:
            self._drop()
        was_clear = self._clear
        self._keep(server_closed(reason).body)
        self.flush()
        if self._waiting and was_clear:
            self._poller.watch(self._socket.fileno(), writable=True)

    def _drop(self) -> None:
        """Drop what waits, but for the rest of what the client has a part of."""
        waiting = self._waiting or deque()
        begun = waiting[0] if waiting and isinstance(waiting[0], memoryview) else None
        self._waiting = deque() if begun is None else deque([begun])
        self._waiting_bytes = 0 if begun is None else len(begun)

    def abort(self) -> None:
        """Close the socket now; idempotent."""
        self._closing = True
        self._waiting = None
        self._finish()

    def _finish(self) -> None:
        fd = self._socket.fileno()
        if fd < 0:
            return
        self._clear = False
        self._poller.remove(fd)
        with contextlib.suppress(OSError):
            self._socket.close()
        self._ended(self._connection)
        # The two would know each other for ever.
        self._connection.transport = ENDED

    def is_gone(self) -> bool:
        """Tell whether the client has closed its end."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
