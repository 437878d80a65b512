"""Transports: how a connection's frames get to its client, each with a bounded buffer.

A `QueueTransport` is emptied by the thread or task that writes to the client; the
transport in `streams/hijack.py` writes to the socket itself.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from notifications.protocol.frames import Batch, Frame


class Transport(Protocol):
    """Sends one connection's frames to its client; no method blocks."""

    def push(self, batch: Batch) -> bool:
        """Accept frames for the client; return False if it is too far behind."""

    def close(self, reason: str, *, drain: bool) -> None:
        """Accept no more and tell the client why; drop or drain what waits."""

    def abort(self) -> None:
        """End the link to the client, whatever waits."""

    def is_gone(self) -> bool:
        """Tell whether the client is known to have left."""


class Link(Protocol):
    """The client's socket, as far as a queue needs it."""

    def abort(self) -> None:
        """End the connection."""

    def is_gone(self) -> bool:
        """Tell whether the client has closed its end."""


class QueueTransport:
    """Frames that wait until the thread or task that writes to the client takes them.

    The client is too far behind if more than `buffer_bytes` are waiting when more
    frames arrive: one read of the log is never too much for a client that keeps up.
    `link` is the client's socket, if the server exposes it.
    """

    def __init__(self, *, buffer_bytes: int = 65_536, link: Link | None = None) -> None:
        self._buffer_bytes = buffer_bytes
        self._link = link
        # Guards what waits for the client, and its size.
        self._ready = threading.Condition()
        self._buffer: deque[Frame] = deque()
        self._waiting_bytes = 0
        # The frames taken last count until the next take: they are being written.
        self._taken_bytes = 0
        self._closed = False
        # Called when there is something to take, or no more to come.
        self._wake: Callable[[], None] = self._ready.notify_all

    @property
    def is_closed(self) -> bool:
        """Whether no more frames are accepted."""
        return self._closed

    def serve(self, wake: Callable[[], None], link: Link) -> None:
        """Call `wake` when there is something to take, instead of waking a thread.

        `wake` is called by any thread, and must not block. From now on, `link` is the
        client's.
        """
        with self._ready:
            self._wake = wake
            self._link = link

    def push(self, batch: Batch) -> bool:
        """Add frames for the client; see Transport."""
        with self._ready:
            if self._closed:
                return True
            if self._waiting_bytes > self._buffer_bytes:
                return False
            self._buffer.extend(batch.frames)
            self._waiting_bytes += len(batch.body)
            self._wake()
        return True

    def take(self, *, seconds: float) -> list[Frame]:
        """Return all waiting frames, waiting up to `seconds` for the first.

        An empty list means that none arrived, or that the queue is closed.
        """
        with self._ready:
            self._waiting_bytes -= self._taken_bytes
            self._taken_bytes = 0
            if seconds:
                self._ready.wait_for(
                    lambda: self._buffer or self._closed, timeout=seconds
                )
            taken = list(self._buffer)
            self._buffer.clear()
            self._taken_bytes = self._waiting_bytes
            return taken

    def close(self, reason: str, *, drain: bool) -> None:
        """Accept no more frames, and wake who waits for them; see Transport."""
        with self._ready:
            self._closed = True
            if not drain:
                self._buffer.clear()
                self._waiting_bytes = self._taken_bytes
            self._wake()

    def abort(self) -> None:
        """End the link, so that who writes to the client fails at once."""
        if self._link is not None:
            self._link.abort()

    def is_gone(self) -> bool:
        """Tell whether the client has closed its end; False without a link."""
        return self._link is not None and self._link.is_gone()


class EndedTransport:
    """The transport of a connection whose link has ended; it ignores everything."""

    def push(self, batch: Batch) -> bool:
        """Ignore the frames."""
        return True

    def close(self, reason: str, *, drain: bool) -> None:
        """Do nothing: it is closed."""

    def abort(self) -> None:
        """Do nothing: the link has ended."""

    def is_gone(self) -> bool:
        """Tell that the client has left."""
        return True


ENDED = EndedTransport()
