"""Process reports: each process that serves streams writes its state to Redis.

The last report of a process that died expires.
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

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.lib.periodic_thread import PeriodicThread
from notifications.live.hub import Hub, shared_hub
from notifications.live.metrics import Metrics, shared_metrics
from notifications.log.stream import Log, shared_log
from notifications.monitoring.history import Sample, Sampler
from notifications.protocol.cursor import Cursor
from notifications.streams.admission import Admission, shared_admission

REPORT_SECONDS = 2.0
# In seconds: a process counts as gone when five reports are missing.
REPORT_LIFETIME = 10


class ReaderStatus(StrEnum):
    """Whether a process reads the log."""

    # It has not served a stream yet.
    IDLE = "idle"
    READS = "reads"
    # It does not read its own probes: its connections may reach different Redis
    # servers.
    PROBE_LOST = "probe_lost"
    # It should read a replica, and reads the primary.
    REPLICA_LOST = "replica_lost"
    INTERRUPTED = "interrupted"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a process.

    `name` is unique, even if machines have the same hostname. `started` is in seconds
    since 1970 and `lag` in milliseconds, as is `replica_lag`, how far behind the
    replica is that it reads. `events` and `deliveries` are rates per second;
    `slow_closes` and `unreadable` count since the process started.
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
    reading: ReaderStatus
    position: str
    replica_lag: int | None = None


class Reporter:
    """Writes the reports of this process; used by one thread at a time.

    `clock` is a monotonic clock in seconds; `now` returns the seconds since 1970.
    """

    def __init__(
        self,
        log: Log,
        *,
        hub: Hub,
        admission: Admission,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._hub = hub
        self._admission = admission
        self._metrics = metrics
        self._clock = clock
        self._started = now()
        self._name = secrets.token_hex(8)
        self._sampler = Sampler(self._name, now=now)
        # Rates are measured since the previous report.
        self._measured_at = clock()
        self._events = metrics.events
        self._deliveries = metrics.deliveries
        # When the process began to read the log, on the clock; None while it does not.
        self._reading_since: float | None = None

    def report(self) -> None:
        """Write a report, and add it to the history; do nothing without Redis."""
        report, registry = self.measure(), self._log.process_registry()
        body = msgspec.json.encode(report)
        with suppress(LogUnavailable):
            registry.report(self._name, body, seconds=REPORT_LIFETIME)
            self._sampler.add(_sample(report), registry)

    def measure(self) -> Report:
        """Return the state of this process, with the rates since the last call."""
        streams = self._admission.connections()
        events, deliveries = self._rates()
        replica_lag = self._log.reader.replica_lag
        return Report(
            name=self._name,
            host=socket.gethostname(),
            pid=os.getpid(),
            started=self._started,
            streams=len(streams),
            people=len({each.user for each in streams if each.user}),
            events=events,
            deliveries=deliveries,
            lag=self._metrics.lag,
            slow_closes=self._metrics.slow_closes,
            unreadable=self._hub.unreadable,
            reading=self._reading(),
            position=str(self._hub.delivered_up_to),
            replica_lag=None if replica_lag is None else round(replica_lag * 1000),
        )

    def _rates(self) -> tuple[float, float]:
        """Return the events and the deliveries per second since the last call."""
        now, metrics = self._clock(), self._metrics
        seconds = max(now - self._measured_at, 0.001)
        events, deliveries = metrics.events, metrics.deliveries
        rates = (
            round((events - self._events) / seconds, 2),
            round((deliveries - self._deliveries) / seconds, 2),
        )
        self._measured_at, self._events, self._deliveries = now, events, deliveries
        return rates

    def _reading(self) -> ReaderStatus:
        if self._hub.delivered_up_to == Cursor(0, 0):
            return ReaderStatus.IDLE
        if self._hub.interrupted:
            self._reading_since = None
            return ReaderStatus.INTERRUPTED
        now = self._clock()
        if self._reading_since is None:
            self._reading_since = now
        # A process that has just begun to read has no probe to read yet.
        since_probe = min(self._log.seconds_since_probe, now - self._reading_since)
        # The sweep writes the probes; a timeout of 0 means that it is off.
        lost = 0 < self._log.probe_timeout < since_probe
        if lost:
            return ReaderStatus.PROBE_LOST
        if self._log.reader.has_lost_replicas:
            return ReaderStatus.REPLICA_LOST
        return ReaderStatus.READS


def _sample(report: Report) -> Sample:
    # Without events, the lag is that of an earlier one.
    lag = report.lag if report.events else None
    return Sample(report.streams, report.events, report.deliveries, lag)


@cache
def shared_reporter() -> Reporter:
    """Return the reporter of this process."""
    return Reporter(
        shared_log(),
        hub=shared_hub(),
        admission=shared_admission(),
        metrics=shared_metrics(),
    )


def read(bodies: Iterable[bytes]) -> list[Report]:
    """Return the decoded reports, ordered by host and process id.

    Reports of another version of the app, in another format, are left out.
    """
    return sorted(_decoded(bodies), key=lambda each: (each.host, each.pid))


def _decoded(bodies: Iterable[bytes]) -> Iterator[Report]:
    for body in bodies:
        with suppress(msgspec.DecodeError):
            yield _decoder.decode(body)


_decoder = msgspec.json.Decoder(Report)

# Off without a sweep, which writes the probes.
reporting = PeriodicThread(
    lambda: shared_reporter().report(),
    name="notifications-reports",
    interval=lambda: REPORT_SECONDS if conf.SWEEP_INTERVAL else 0,
)
