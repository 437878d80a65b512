"""Outlets: where what is pushed to a connection goes, with a bounded buffer each.

A queue is taken from by whoever writes to the client; `takeover.py` has the outlet that
writes by itself.
"""

import threading
from collections import deque
from typing import Protocol

from notifications.frames import Batch, Frame
from notifications.sockets import ClientSocket, NoSocket


class Outlet(Protocol):
    """The way of one connection to its client; no method blocks."""

    def push(self, batch: Batch) -> bool:
        """Take what is for the client; False when it was too far behind before."""

    def close(self, reason: str, *, drain: bool) -> None:
        """Take no more, and tell the client why; what waits is dropped or drained."""

    def abort(self) -> None:
        """End the link to the client, whatever waits."""

    def is_gone(self) -> bool:
        """Tell whether the client is known to have left."""


class Queue:
    """Frames that wait until they are taken, by another thread perhaps.

    It is too far behind when more than `buffer_bytes` waited before more came: what
    one read of the log brings is never too much for a client that keeps up.
    """

    def __init__(
        self,
        *,
        buffer_bytes: int = 65_536,
        socket: ClientSocket | None = None,
    ) -> None:
        self._buffer_bytes = buffer_bytes
        self._socket = socket or NoSocket()
        # Guarded by the condition: what waits for the client, and what that weighs.
        self._ready = threading.Condition()
        self._buffer: deque[Frame] = deque()
        self._waiting_bytes = 0
        # What was taken last counts until the next time: it is still being written.
        self._taken_bytes = 0
        self._closed = False

    def push(self, batch: Batch) -> bool:
        """Add frames for the client; see Outlet."""
        with self._ready:
            if self._closed:
                return True
            if self._waiting_bytes > self._buffer_bytes:
                return False
            self._buffer.extend(batch.frames)
            self._waiting_bytes += len(batch.body)
            self._ready.notify()
        return True

    def take(self, *, seconds: float) -> list[Frame]:
        """Return all that waits for the client, waiting up to `seconds` for some.

        An empty list means that nothing came, or that the queue is closed.
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
        """Take no more, and wake who waits for some; see Outlet."""
        with self._ready:
            self._closed = True
            if not drain:
                self._buffer.clear()
                self._waiting_bytes = self._taken_bytes
            self._ready.notify_all()

    def abort(self) -> None:
        """End the link; whoever is writing to the client fails at once."""
        self._socket.abort()

    def is_gone(self) -> bool:
        """Tell whether the client has closed its end."""
        return self._socket.is_gone()


class Ended:
    """The outlet of a connection whose link has ended; whatever comes is ignored."""

    def push(self, batch: Batch) -> bool:
        """Ignore it."""
        return True

    def close(self, reason: str, *, drain: bool) -> None:
        """Do nothing: it is closed."""

    def abort(self) -> None:
        """Do nothing: it has ended."""

    def is_gone(self) -> bool:
        """Tell that the client has left."""
        return True


ENDED = Ended()
