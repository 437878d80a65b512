"""Where a process waits for new entries and its own probes: the primary, or a replica.

Probes are written to the primary. They show that reads and writes reach the same Redis,
and how far a replica is behind. One that is too far behind is left for the primary.
"""

import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import redis

from notifications.conf import conf
from notifications.exceptions import LogGap, LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.log.client import RedisClient
from notifications.log.failures import explain, unavailable
from notifications.log.log_connection import LogConnection
from notifications.log.probes import Probes
from notifications.log.replica_search import ReplicaSearch
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How many probes in a row may stay unread.
PROBES_MISSED = 3
# How often a process that reads a replica writes a probe, and how long one read of it
# waits.
PROBE_INTERVAL = 1.0
# A replica that lacks a probe of this many seconds ago is left.
MAX_LAG_SECONDS = 3.0


class UnusableReplica(Exception):
    """A replica that must not be read any longer."""


class BlockingReader:
    """Waits for entries on a connection of its own, for one thread of a process.

    `client` connects it, and `command` lends a client of the primary for one command.
    `prefix` is that of all keys; `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        client: RedisClient,
        prefix: str,
        *,
        command: Callable[..., AbstractContextManager[redis.Redis]],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._command = command
        self._clock = clock
        self._stream = f"{prefix}:log"
        self.probes = Probes(prefix, command=command, clock=clock)
        self._search = ReplicaSearch(
            client,
            self.probes,
            stream=self._stream,
            timeout=PROBE_INTERVAL + MAX_LAG_SECONDS,
            clock=clock,
        )
        # Why the last wait failed; empty if it did not.
        self.failure = ""
        # One of them at most.
        self._primary: LogConnection | None = None
        self._replica: LogConnection | None = None
        self._reads_replicas = False
        # No replica can be read now, which has been logged.
        self._is_lost = False
        self._probed_at = -math.inf

    def wait(self, after: Cursor, *, seconds: float) -> list[Record]:
        """Return the next entries after `after`, waiting up to `seconds` for one.

        `seconds` is at most LOG_READ_TIMEOUT. Raises LogUnavailable, also when Redis
        stays silent for longer than the wait, and LogGap if the entry at `after` is no
        longer in the log.
        """
        try:
            found = self._wait(after, seconds=seconds)
        except (redis.RedisError, OSError) as error:
            self._drop()
            unreadable = unavailable(error)
            self.failure = str(unreadable)
            raise unreadable from error
        except LogUnavailable as error:
            self.failure = str(error)
            raise
        self.failure = ""
        return found

    def _wait(self, after: Cursor, *, seconds: float) -> list[Record]:
        self._look_for_replica()
        if self._replica is not None:
            try:
                return self._wait_at_replica(self._replica, after, seconds=seconds)
            except UnusableReplica as error:
                self._leave(self._replica, str(error))
            except (redis.RedisError, OSError) as error:
                self._leave(self._replica, explain(error))
        return self._wait_at_primary(after, seconds=seconds)

    def _wait_at_primary(self, after: Cursor, *, seconds: float) -> list[Record]:
        primary = self._primary or self._connect()
        found, probes, is_known = primary.read(after, seconds=seconds)
        self.probes.note(probes)
        if not is_known:
            raise LogGap(after)
        return found

    def _connect(self) -> LogConnection:
        timeout = conf.LOG_READ_TIMEOUT + conf.LOG_READ_GRACE
        client = self._client.connect(timeout=timeout)
        self._primary = LogConnection(
            client, stream=self._stream, probes=self.probes.stream
        )
        self._reads_replicas = self._client.reads_replicas()
        return self._primary

    def _wait_at_replica(
        self, replica: LogConnection, after: Cursor, *, seconds: float
    ) -> list[Record]:
        """Return the next entries that a replica has.

        Only the primary can tell whether there is a gap: the replica may not have
        reached `after`, which may be from the primary.
        """
        began = self._clock()
        if began >= self._probed_at + PROBE_INTERVAL:
            self._probe(began)
            if replica.is_primary():
                raise UnusableReplica(f"{replica.host} has become a primary")
        found, probes, is_known = replica.read(
            after, seconds=min(seconds, PROBE_INTERVAL)
        )
        self.probes.note(probes)
        # Checked after the read: this process itself may have been too busy to read.
        if self.probes.unread_seconds(at=began) > MAX_LAG_SECONDS:
            raise UnusableReplica(
                f"{replica.host} is more than {MAX_LAG_SECONDS:g} s behind"
            )
        if is_known:
            return found
        if not self._is_in_primary(after):
            raise LogGap(after)
        if found:
            raise UnusableReplica(f"{replica.host} lacks an entry of the primary")
        return []

    def _probe(self, now: float) -> None:
        self._probed_at = now
        # Without the primary, what the replica has is read all the same.
        with suppress(LogUnavailable):
            self.probes.write()

    def _is_in_primary(self, cursor: Cursor) -> bool:
        with self._command() as client:
            return bool(client.xrange(self._stream, str(cursor), str(cursor)))

    def _look_for_replica(self) -> None:
        if not self._reads_replicas or self._replica is not None:
            return
        if not self._search.has_ended:
            self._search.begin()
            return
        self._replica = self._search.take()
        if self._replica is None:
            self._note_lost(self._search.failure)
            return
        logger.info("read=from_replica host=%s", self._replica.host)
        self._is_lost = False
        if self._primary is not None:
            self._primary.close()
            self._primary = None

    def _leave(self, replica: LogConnection, reason: str) -> None:
        replica.close()
        self._replica = None
        self._search.postpone()
        self._note_lost(reason)

    def _note_lost(self, reason: str) -> None:
        if not self._is_lost:
            logger.warning("read=from_primary reason=%r", reason)
        self._is_lost = True

    def probe(self) -> None:
        """Write a probe, even while the breaker is open; raises LogUnavailable."""
        self.probes.write(bypass_breaker=True)

    def confirm(self, writer: RedisClient, *, seconds: float) -> bool:
        """Write a probe by another client; tell whether it is read within `seconds`.

        Raises LogUnavailable, also while the writer's breaker is open.
        """
        written = self.probes.write(writer.command)
        return self.probes.wait_until_read(written, seconds=seconds)

    @property
    def probe_timeout(self) -> float:
        """After how many seconds without a probe reads and writes count as cut off.

        It is 0 without a sweep, which writes the probes.
        """
        return PROBES_MISSED * conf.SWEEP_INTERVAL

    @property
    def replica_lag(self) -> float | None:
        """How many seconds the replica is behind; None if the primary is read."""
        return None if self._replica is None else self.probes.lag

    @property
    def has_lost_replicas(self) -> bool:
        """Whether the primary is read because no replica can be."""
        return self._is_lost

    def close(self) -> None:
        """Close the connections; the next wait opens a new one."""
        self._drop()
        self._search.close()
        self._is_lost = False

    def _drop(self) -> None:
        for each in (self._primary, self._replica):
            if each is not None:
                each.close()
        self._primary = self._replica = None
