"""Calls a function at a fixed rate, beside what is measured."""

import threading
import time
from collections.abc import Callable


class Steadily:
    """Calls `action` every `interval` seconds in a thread, in a `with` block.

    `action` gets the time when its call was due, on the monotonic clock. A call that
    takes long delays the next ones, which are made up for.
    """

    def __init__(self, action: Callable[[float], object], *, interval: float) -> None:
        self._action = action
        self._interval = interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Steadily":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            self._action(due)
            due += self._interval
