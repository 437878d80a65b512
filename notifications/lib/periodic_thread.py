"""A thread that repeats an action at an interval; it never starts at import."""

import threading
from collections.abc import Callable

from notifications.lib.daemon_thread import DaemonThread


class PeriodicThread(DaemonThread):
    """Runs an action when it starts, and again after each interval.

    `interval` is called before each run and returns seconds; 0 ends the thread. When
    `soon` is set, the next run begins `soon_seconds` later at most.
    """

    def __init__(
        self,
        action: Callable[[], None],
        *,
        name: str,
        interval: Callable[[], float],
        soon: threading.Event | None = None,
        soon_seconds: float = 0.0,
    ) -> None:
        super().__init__(name=name)
        self._action = action
        self._interval = interval
        self._stopping = threading.Event()
        # Also set to stop.
        self._soon = soon or threading.Event()
        self._soon_seconds = soon_seconds

    def start(self) -> None:
        """Start the thread, unless it runs already or the interval is 0."""
        with self._lock:
            if not self._is_running() and self._interval():
                self._stopping.clear()
                self._start()

    def stop(self) -> None:
        """End the thread and wait for it; harmless when there is none."""
        thread = self._detach()
        self._stopping.set()
        self._soon.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while interval := self._next_interval():
            # What is set from now on is for the next run.
            self._soon.clear()
            if self._stopping.is_set():
                return
            self._action()
            if self._soon.wait(interval):
                self._stopping.wait(self._soon_seconds)

    def _next_interval(self) -> float:
        """Return the interval; at 0, `start` starts another thread from now on."""
        with self._lock:
            interval = self._interval()
            if not interval and self._thread is threading.current_thread():
                self._thread = None
            return interval
