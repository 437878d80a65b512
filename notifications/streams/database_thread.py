"""A thread for queries that many requests share, with database connections of its own.

Each request has its own connections, which would be opened for the queries of one.
"""

import queue
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, connections

from notifications.lib.daemon_thread import DaemonThread

P = ParamSpec("P")
T = TypeVar("T")

# After how long without queries the connections are closed.
IDLE_SECONDS = 1.0


class DatabaseThread(DaemonThread):
    """Runs functions one after the other; starts with the first one."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def run(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Return what a function returns in the thread; its error is raised here."""
        future: Future[T] = Future()

        def job() -> None:
            try:
                future.set_result(function(*args, **options))
            except DatabaseError as error:
                # They may be broken. Without a pause they would be used again.
                connections.close_all()
                future.set_exception(error)
            except BaseException as error:
                # A bug ends the thread, but nobody must wait forever: neither this
                # caller nor those whose functions are next.
                with self._lock:
                    self._start()
                future.set_exception(error)
                raise

        self._ensure_started()
        self._jobs.put(job)
        return future.result()

    def _ensure_started(self) -> None:
        with self._lock:
            if not self._is_running():
                self._start()

    def _run(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                connections.close_all()
                job = self._jobs.get()
            job()
