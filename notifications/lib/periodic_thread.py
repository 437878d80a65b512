"""A thread that does the same again and again; never started at import."""

import threading
from collections.abc import Callable


class PeriodicThread:
    """Does something at once when it starts, and then every so many seconds.

    `seconds` is called each time; once it returns 0, nothing is done any more.
    """

    def __init__(
        self, action: Callable[[], None], *, name: str, seconds: Callable[[], float]
    ) -> None:
        self._action = action
        self._name = name
        self._seconds = seconds
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if it is wanted and does not run yet."""
        if self._runs() or not self._seconds():
            return
        with self._lock:
            if not self._runs():
                self._stopping.clear()
                self._thread = threading.Thread(
                    target=self._run, name=self._name, daemon=True
                )
                self._thread.start()

    def _runs(self) -> bool:
        # An error of ours may have ended it; the next request starts it again.
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """End the thread and wait for it; harmless when there is none."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._stopping.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while seconds := self._seconds():
            self._action()
            if self._stopping.wait(seconds):
                return
