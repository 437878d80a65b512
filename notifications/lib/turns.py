"""Turns: expensive work is done by few threads at a time, in order, and with pauses."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# How often a thread that waits for its turn checks whether it is still needed.
CHECK_SECONDS = 0.5


class NoTurn(Exception):
    """A thread gave up before its turn came."""


class Turns:
    """At most `size` threads work at the same time; the others wait in order.

    After each turn, nobody starts one for `rest` times as long as it worked, and for at
    least `min_rest` seconds: however many threads wait, most of the time is left to
    other work. A thread waits up to `max_wait` seconds. `clock` is a monotonic clock,
    `work_clock` has the CPU time of the thread, both in seconds, and `pause` waits for
    some seconds.
    """

    def __init__(
        self,
        size: int,
        *,
        rest: float,
        min_rest: float,
        max_wait: float,
        clock: Callable[[], float] = time.monotonic,
        work_clock: Callable[[], float] = time.thread_time,
        pause: Callable[[float], None] = lambda seconds: time.sleep(seconds),
    ) -> None:
        self._rest = rest
        self._min_rest = min_rest
        self._max_wait = max_wait
        self._clock = clock
        self._work_clock = work_clock
        self._pause = pause
        # Guards everything below.
        self._lock = threading.Lock()
        self._free = size
        # Each is set when its thread may begin.
        self._waiting: deque[threading.Event] = deque()
        # When the next turn may begin, on the clock.
        self._resume_at = clock()

    @property
    def waiting(self) -> int:
        """How many threads wait for a turn."""
        return len(self._waiting)

    @contextmanager
    def turn(self, is_needed: Callable[[], bool]) -> Iterator[None]:
        """Wait for a turn, and do the work of the block in it.

        Raises NoTurn after `max_wait` seconds, or when it is not needed any more.
        """
        self._acquire(is_needed)
        try:
            while (seconds := self._resume_at - self._clock()) > 0:
                self._pause(seconds)
            if not is_needed():
                raise NoTurn
            began = self._work_clock()
            try:
                yield
            finally:
                self._rest_after(self._work_clock() - began)
        finally:
            self._release()

    def _rest_after(self, worked: float) -> None:
        resume_at = self._clock() + max(self._rest * worked, self._min_rest)
        self._resume_at = max(self._resume_at, resume_at)

    def _acquire(self, is_needed: Callable[[], bool]) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            begin = threading.Event()
            self._waiting.append(begin)
        try:
            began = self._wait(begin, is_needed)
        except BaseException:
            # Whatever interrupts the thread, others must get its turn.
            if not self._give_up(begin):
                self._release()
            raise
        if not began and self._give_up(begin):
            raise NoTurn

    def _wait(self, begin: threading.Event, is_needed: Callable[[], bool]) -> bool:
        """Wait until a thread may begin; tell whether it may."""
        deadline = self._clock() + self._max_wait
        while not begin.wait(CHECK_SECONDS):
            if self._clock() >= deadline or not is_needed():
                return False
        return True

    def _give_up(self, begin: threading.Event) -> bool:
        """Take a thread out of the queue; False if its turn has just come."""
        with self._lock:
            if begin.is_set():
                return False
            self._waiting.remove(begin)
            return True

    def _release(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
