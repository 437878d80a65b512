"""Reports: each process that serves streams says in Redis how it is, again and again.

One that has died is no longer heard of when its last report lapses.
"""

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from functools import cache

import msgspec

from notifications.admission import Admission, shared_admission
from notifications.conf import conf
from notifications.counters import Counters, shared_counters
from notifications.cursor import Cursor
from notifications.exceptions import LogUnavailable
from notifications.hub import Hub, shared_hub
from notifications.log import Log, shared_log
from notifications.repeater import Repeater

REPORT_SECONDS = 2.0
# Five reports may fail to come before a process counts as gone.
REPORT_LIFETIME = 10
# After so many probes that were not heard, something is wrong.
PROBES_MISSED = 3


class Reading(StrEnum):
    """How a process fares with reading the log."""

    # It has had no stream yet.
    IDLE = "idle"
    READS = "reads"
    # What it writes does not come back: the two ways lead to different Redises, say.
    UNHEARD = "unheard"
    INTERRUPTED = "interrupted"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says of itself.

    `name` is its own alone, whatever machines are called. `started` is in seconds
    since 1970, `lag` in milliseconds, `events` and `deliveries` are a second,
    `slow_closes` and `unreadable` since it started.
    """

    name: str
    host: str
    pid: int
    started: float
    streams: int
    people: int
    events: float
    deliveries: float
    lag: int | None
    slow_closes: int
    unreadable: int
    reading: Reading
    position: str


class Reporter:
    """Makes the reports of this process; one thread at a time uses it.

    `clock` is a monotonic clock in seconds, `now` returns the seconds since 1970.
    """

    def __init__(
        self,
        log: Log,
        *,
        hub: Hub,
        admission: Admission,
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._hub = hub
        self._admission = admission
        self._counters = counters
        self._clock = clock
        self._started = now()
        self._name = secrets.token_hex(8)
        # What a second brings is counted from the report before.
        self._measured_at = clock()
        self._events = counters.events
        self._deliveries = counters.deliveries
        # Since when, by the clock, it reads the log; None while it does not.
        self._reading_since: float | None = None

    def report(self) -> None:
        """Say how this process is; when Redis is away, nobody hears of it."""
        with suppress(LogUnavailable):
            body = msgspec.json.encode(self.measure())
            self._log.board().report(self._name, body, seconds=REPORT_LIFETIME)

    def measure(self) -> Report:
        """Return how this process is, and was since it was measured before."""
        streams = self._admission.present()
        events, deliveries = self._rates()
        return Report(
            name=self._name,
            host=socket.gethostname(),
            pid=os.getpid(),
            started=self._started,
            streams=len(streams),
            people=len({each.user for each in streams if each.user}),
            events=events,
            deliveries=deliveries,
            lag=self._counters.lag,
            slow_closes=self._counters.slow_closes,
            unreadable=self._hub.unreadable,
            reading=self._reading(),
            position=str(self._hub.settled),
        )

    def _rates(self) -> tuple[float, float]:
        """Return how many events and deliveries a second there were lately."""
        now, counters = self._clock(), self._counters
        seconds = max(now - self._measured_at, 0.001)
        events, deliveries = counters.events, counters.deliveries
        rates = (
            round((events - self._events) / seconds, 2),
            round((deliveries - self._deliveries) / seconds, 2),
        )
        self._measured_at, self._events, self._deliveries = now, events, deliveries
        return rates

    def _reading(self) -> Reading:
        if self._hub.settled == Cursor(0, 0):
            return Reading.IDLE
        if self._hub.interrupted:
            self._reading_since = None
            return Reading.INTERRUPTED
        now = self._clock()
        if self._reading_since is None:
            self._reading_since = now
        # Before the first probe it has heard nothing, and nothing is wrong.
        silence = min(self._log.silence, now - self._reading_since)
        patience = PROBES_MISSED * conf.SWEEP_INTERVAL
        # Without a sweep there are no probes.
        return Reading.UNHEARD if 0 < patience < silence else Reading.READS


@cache
def shared_reporter() -> Reporter:
    """Return the reporter of this process."""
    return Reporter(
        shared_log(),
        hub=shared_hub(),
        admission=shared_admission(),
        counters=shared_counters(),
    )


def read(bodies: Iterable[bytes]) -> list[Report]:
    """Return what reports say, ordered by process.

    Those that another version of the app wrote in another way are left out.
    """
    return sorted(_decoded(bodies), key=lambda each: (each.host, each.pid))


def _decoded(bodies: Iterable[bytes]) -> Iterator[Report]:
    for body in bodies:
        with suppress(msgspec.DecodeError):
            yield _decoder.decode(body)


_decoder = msgspec.json.Decoder(Report)

# Where there is no sweep, there is nobody to start it.
repeater = Repeater(
    lambda: shared_reporter().report(),
    name="notifications-reports",
    seconds=lambda: REPORT_SECONDS if conf.SWEEP_INTERVAL else 0,
)
