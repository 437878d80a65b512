"""The thread of an object, which can be started again; it never starts at import."""

import threading
from abc import ABC, abstractmethod

from notifications.lib.started_thread import started_thread


class DaemonThread(ABC):
    """Has one thread at most; a base class for objects that work in a thread."""

    def __init__(self, *, name: str) -> None:
        self._name = name
        # Guards the thread.
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def _run(self) -> None:
        """Do the work of the thread."""

    def _is_running(self) -> bool:
        # An error may have ended the thread; the next start starts another one.
        return self._thread is not None and self._thread.is_alive()

    def _start(self) -> None:
        """Start a thread in place of the one before; the caller holds the lock."""
        self._thread = started_thread(self._run, name=self._name)

    def _detach(self) -> threading.Thread | None:
        """Give up the thread and return it, so that the caller can stop it."""
        with self._lock:
            thread, self._thread = self._thread, None
        return thread
