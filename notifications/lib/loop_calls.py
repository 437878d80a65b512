"""Calls from threads to an event loop: however many there are, one wake-up."""

import asyncio
import threading
import weakref
from collections.abc import Callable, MutableMapping

Call = Callable[[], object]


class LoopCalls:
    """Calls functions in an event loop; safe to use from any thread.

    Waking a loop takes a system call. Those that are asked for before the loop has
    woken up share it. After the end of the loop, nothing is called any more.
    """

    _of_loop: MutableMapping[asyncio.AbstractEventLoop, "LoopCalls"] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Weak, since this is the value of a loop in a mapping with weak keys.
        self._loop = weakref.ref(loop)
        # Guards what follows. Re-entrant, since a stream that nobody closed is closed
        # wherever Python collects it.
        self._lock = threading.RLock()
        self._waiting: list[Call] = []
        self._is_scheduled = False

    @classmethod
    def of_running_loop(cls) -> "LoopCalls":
        """Return the one that all who run in this event loop share."""
        loop = asyncio.get_running_loop()
        if loop not in cls._of_loop:
            cls._of_loop[loop] = cls(loop)
        return cls._of_loop[loop]

    def call(self, function: Call) -> None:
        """Call a function in the loop, soon; it must neither block nor raise."""
        with self._lock:
            self._waiting.append(function)
            if self._is_scheduled:
                return
            self._is_scheduled = True
        loop = self._loop()
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        with self._lock:
            self._is_scheduled = False
            functions, self._waiting = self._waiting, []
        for function in functions:
            function()
