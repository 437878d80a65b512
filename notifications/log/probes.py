"""Probes: what a process writes to the primary, and reads where it reads the log.

They show that both are the same Redis, or how far a replica is behind.
"""

import math
import secrets
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager

import redis

from notifications.log import replies
from notifications.protocol.log_clock import log_clock

# How long Redis keeps the last probe of a process: it is read at once, or never.
PROBE_SECONDS = 60
# How many unread probes a process remembers.
UNREAD_LIMIT = 100


class Probes:
    """The probes of a process; safe to share between threads.

    `command` lends a client of the primary for one command, and `prefix` is that of all
    keys; `clock` is a monotonic clock in seconds. A probe has the time on this clock.
    """

    def __init__(
        self,
        prefix: str,
        *,
        command: Callable[..., AbstractContextManager[redis.Redis]],
        clock: Callable[[], float],
    ) -> None:
        self._command = command
        self._clock = clock
        # The probes of each process have a stream of their own, so that they take no
        # room in the log and wake no other process.
        self.stream = f"{prefix}:probes:{secrets.token_hex(8)}"
        # Guards the times of probes; those who wait for one to be read are notified.
        self._changed = threading.Condition()
        self._unread: deque[float] = deque(maxlen=UNREAD_LIMIT)
        self._newest_read = -math.inf
        # How long the last one took to be read.
        self._lag = 0.0

    def write(
        self,
        command: Callable[..., AbstractContextManager[redis.Redis]] | None = None,
        *,
        bypass_breaker: bool = False,
    ) -> float:
        """Write a probe and return its time; raises LogUnavailable.

        Another `command` than that of these probes may lend the client.
        """
        written = self._clock()
        with (command or self._command)(bypass_breaker=bypass_breaker) as client:
            self._write(client, written)
        with self._changed:
            if written > self._newest_read:
                self._unread.append(written)
        return written

    def _write(self, client: redis.Redis, written: float) -> None:
        """Write a probe, and note what time it is for Redis.

        The id of the probe is not that: it keeps rising when the clock was set back.
        """
        clock = log_clock()
        since = clock.local()
        with client.pipeline(transaction=False) as pipeline:
            pipeline.xadd(
                self.stream, {"probe": repr(written)}, maxlen=1, approximate=False
            )
            pipeline.expire(self.stream, PROBE_SECONDS)
            pipeline.time()
            *_, (seconds, microseconds) = pipeline.execute()
        clock.note(seconds * 1000 + microseconds // 1000, since=since)

    def note(self, page: replies.Page) -> None:
        """Note that these probes were read."""
        newest = newest_in(page)
        with self._changed:
            # Another connection may bring it once more.
            if newest > self._newest_read:
                self._newest_read = newest
                self._lag = max(self._clock() - newest, 0)
            while self._unread and self._unread[0] <= self._newest_read:
                self._unread.popleft()
            self._changed.notify_all()

    def wait_until_read(self, written: float, *, seconds: float) -> bool:
        """Tell whether a probe of this time, or a newer one, is read in `seconds`."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._newest_read >= written, timeout=seconds
            )

    @property
    def age_of_newest(self) -> float:
        """How old the newest probe is that was read; infinite if none was."""
        return self._clock() - self._newest_read

    def unread_seconds(self, *, at: float) -> float:
        """Return for how many seconds a probe had not been read at a time; 0 if none.

        The oldest of them counts.
        """
        with self._changed:
            return max(at - self._unread[0], 0) if self._unread else 0.0

    @property
    def lag(self) -> float:
        """How many seconds what is written takes to be read."""
        return max(self._lag, self.unread_seconds(at=self._clock()))


def newest_in(page: replies.Page) -> float:
    """Return the newest time of some probes; -inf if there is none."""
    return max((_time(fields) for _, fields in page), default=-math.inf)


def _time(fields: dict[bytes, bytes]) -> float:
    try:
        return float(fields.get(b"probe", b""))
    except ValueError:
        return -math.inf
