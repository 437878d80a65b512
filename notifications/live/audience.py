"""The connections that a source of events serves, and the thread that does it."""

import threading
from collections.abc import Callable

from notifications.lib.started_thread import started_thread
from notifications.live.connection import Connection


class Audience:
    """Runs `serve` in a thread from the first connection on.

    `serve` has to return once finish_if_empty() is true; the next connection starts
    another thread. If it returns before, the connections are closed with the reason
    that it returns, or with "failed" if it raises. Safe to share between threads.
    """

    def __init__(self, serve: Callable[[], str], *, thread_name: str) -> None:
        self._serve = serve
        self._thread_name = thread_name
        # Guards what follows. Re-entrant, since a stream that nobody closed is detached
        # wherever Python collects it.
        self._lock = threading.RLock()
        self._connections: set[Connection] = set()
        self._thread: threading.Thread | None = None

    def attach(self, connection: Connection) -> None:
        """Add a connection, and start the thread for the first one."""
        with self._lock:
            self._connections.add(connection)
            if self._thread is None:
                self._thread = started_thread(self._run, name=self._thread_name)

    def detach(self, connection: Connection) -> None:
        """Remove and close a connection; idempotent."""
        connection.close("detached")
        with self._lock:
            self._connections.discard(connection)

    def connections(self) -> list[Connection]:
        """Return the connections that are attached now."""
        with self._lock:
            return list(self._connections)

    def finish_if_empty(self) -> bool:
        """Tell `serve` whether it has to return, since no connection is left."""
        with self._lock:
            if not self._connections:
                self._thread = None
            return self._thread is None

    def stop(self) -> None:
        """Detach every connection, and wait until the thread has ended."""
        with self._lock:
            thread = self._thread
        for connection in self.connections():
            self.detach(connection)
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        reason = "failed"
        try:
            reason = self._serve()
        finally:
            self._end(reason)

    def _end(self, reason: str) -> None:
        with self._lock:
            # Later connections have a thread of their own.
            if self._thread is not threading.current_thread():
                return
            self._thread = None
            connections = self.connections()
        for connection in connections:
            connection.close(reason, drain=True)
