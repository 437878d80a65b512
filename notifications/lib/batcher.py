"""Gathering: what many ask for at the same time is fetched together. Pure."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Reply = TypeVar("Reply")


class _Round(Generic[Ask, Reply]):
    """What is fetched together: the first to ask fetches, and the others wait."""

    def __init__(self, before: "threading.Event | None" = None) -> None:
        self.before = before
        self.asked: list[Ask] = []
        self.replies: Sequence[Reply] = ()
        self.error: BaseException | None = None
        self.done = threading.Event()


class Batcher(Generic[Ask, Reply]):
    """Asks for one thing at a time on behalf of all who ask meanwhile.

    `fetch` takes what was asked for and returns the replies in the same order; what it
    raises is raised to all who are in the round.
    """

    def __init__(self, fetch: Callable[[Sequence[Ask]], Sequence[Reply]]) -> None:
        self._fetch = fetch
        # Guarded by the lock: the round that takes who asks now.
        self._lock = threading.Lock()
        self._open: _Round[Ask, Reply] = _Round()

    def ask(self, item: Ask) -> Reply:
        """Return the reply to this, once it was fetched with the others'."""
        with self._lock:
            current, place = self._open, len(self._open.asked)
            current.asked.append(item)
        if place == 0:
            self._lead(current)
        else:
            current.done.wait()
        if current.error is not None:
            raise current.error
        return current.replies[place]

    def _lead(self, current: "_Round[Ask, Reply]") -> None:
        try:
            if current.before is not None:
                # Who asks until the round before is over comes along.
                current.before.wait()
            self._close(current)
            current.replies = self._fetch(current.asked)
        except BaseException as error:
            # Whoever waits must not wait for ever, whatever it was.
            current.error = error
            raise
        finally:
            self._close(current)
            current.done.set()

    def _close(self, current: "_Round[Ask, Reply]") -> None:
        with self._lock:
            if self._open is current:
                self._open = _Round(current.done)
