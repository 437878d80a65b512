"""A thread that handles what others leave in its queue; it never starts at import."""

import queue
from collections.abc import Callable
from typing import Generic, TypeVar

from notifications.lib.daemon_thread import DaemonThread

Item = TypeVar("Item")


class QueueThread(DaemonThread, Generic[Item]):
    """Handles items soon after they are put, all that are waiting at once.

    `handle` takes the items, oldest first. At most `limit` items wait.
    """

    def __init__(
        self, handle: Callable[[list[Item]], None], *, name: str, limit: int
    ) -> None:
        super().__init__(name=name)
        self._handle = handle
        # None ends the thread.
        self._queue: queue.Queue[Item | None] = queue.Queue(limit)

    def start(self) -> None:
        """Start the thread, unless it runs already."""
        if self._is_running():
            return
        with self._lock:
            if not self._is_running():
                self._start()

    def put(self, item: Item) -> bool:
        """Leave an item to the thread; False if it is not running or too many wait."""
        if not self._is_running():
            return False
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            return False
        return True

    def stop(self) -> None:
        """Handle what is waiting, and end the thread; harmless when there is none."""
        thread = self._detach()
        if thread is not None and thread.is_alive():
            self._queue.put(None)
            thread.join()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            items, ended = [item], False
            while not self._queue.empty() and not ended:
                following = self._queue.get()
                ended = following is None
                items += [] if following is None else [following]
            self._handle(items)
            if ended:
                return
