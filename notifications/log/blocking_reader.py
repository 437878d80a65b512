"""The connection on which a process waits for new entries and its own probes.

A probe is written on the command connection and read on this one, which shows that
writes and reads reach the same Redis.
"""

import math
import secrets
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import redis

from notifications.conf import conf
from notifications.exceptions import LogGap
from notifications.log import replies
from notifications.log.client import RedisClient
from notifications.log.failures import unavailable
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record

# How many entries one wait returns at most. They fit into a connection's buffer, unless
# its client is too slow.
WAIT_LIMIT = 100
# How many probes in a row may stay unread.
PROBES_MISSED = 3
# How long Redis keeps the last probe of a process: it is read at once, or never.
PROBE_SECONDS = 60
# Returns 1 if the log has the entry at a cursor. The entry itself, which the process
# has read before, would take as much time as the new ones.
# KEYS: the stream. ARGV: the cursor.
CONTAINS = "return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])"


class BlockingReader:
    """Waits for entries on a connection of its own, for one thread of a process.

    `client` connects it, and `command` lends a client for one command. `prefix` is that
    of all keys; `clock` is a monotonic clock in seconds.
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
        # The probes of each process have a stream of their own, so that they take no
        # room in the log and wake no other process.
        self._probes = f"{prefix}:probes:{secrets.token_hex(8)}"
        self._last_probe_read = "0"
        # When this process last read a probe of its own, on the clock; those who wait
        # for one are notified.
        self._probe_read_at = -math.inf
        self._probe_read = threading.Condition()
        # Why the last wait failed; empty if it did not.
        self.failure = ""
        # The client is stored, too: it closes its connections when it is collected.
        self._own_client: redis.Redis | None = None
        self._connection: Any = None

    def wait(self, after: Cursor, *, seconds: float) -> list[Record]:
        """Return the next entries after `after`, waiting up to `seconds` for one.

        `seconds` is at most LOG_READ_TIMEOUT. Raises LogUnavailable, also when Redis
        stays silent for longer than the wait, and LogGap if the entry at `after` is no
        longer in the log.
        """
        try:
            connection = self._connection or self._connect()
            # Both run in order in one round trip. They bypass redis-py's client, which
            # takes as long for each command as many deliveries do.
            streams = (self._stream, self._probes, str(after), self._last_probe_read)
            block = int(seconds * 1000)
            commands = [
                ("XREAD", "COUNT", WAIT_LIMIT, "BLOCK", block, "STREAMS", *streams),
                ("EVAL", CONTAINS, 1, self._stream, str(after)),
            ]
            connection.send_packed_command(connection.pack_commands(commands))
            found, known = connection.read_response(), connection.read_response()
        except (redis.RedisError, OSError) as error:
            self.close()
            unreadable = unavailable(error)
            self.failure = str(unreadable)
            raise unreadable from error
        self.failure = ""
        pages = replies.pages(found)
        self._note_probes(pages.get(self._probes, []))
        if not known:
            raise LogGap(after)
        return replies.records(pages.get(self._stream, []))

    def _connect(self) -> Any:
        timeout = conf.LOG_READ_TIMEOUT + conf.LOG_READ_GRACE
        self._own_client = self._client.connect(timeout=timeout)
        self._connection = self._own_client.connection_pool.get_connection()
        # This may be another Redis, whose ids are smaller.
        self._last_probe_read = "0"
        return self._connection

    def _note_probes(self, probes: replies.Page) -> None:
        if not probes:
            return
        self._last_probe_read = probes[-1][0].decode()
        with self._probe_read:
            self._probe_read_at = self._clock()
            self._probe_read.notify_all()

    def probe(self) -> None:
        """Write a probe, even while the breaker is open; raises LogUnavailable."""
        with (
            self._command(bypass_breaker=True) as client,
            client.pipeline(transaction=False) as pipeline,
        ):
            pipeline.xadd(self._probes, {"probe": ""}, maxlen=1, approximate=False)
            pipeline.expire(self._probes, PROBE_SECONDS)
            pipeline.execute()

    def confirm(self, *, seconds: float) -> bool:
        """Write a probe; tell whether one is read within `seconds`.

        Raises LogUnavailable, also while the breaker is open.
        """
        self._client.check_breaker()
        before = self._clock()
        self.probe()
        with self._probe_read:
            return self._probe_read.wait_for(
                lambda: self._probe_read_at >= before, timeout=seconds
            )

    @property
    def probe_timeout(self) -> float:
        """After how many seconds without a probe reads and writes count as cut off.

        It is 0 without a sweep, which writes the probes.
        """
        return PROBES_MISSED * conf.SWEEP_INTERVAL

    @property
    def seconds_since_probe(self) -> float:
        """How long ago this process last read a probe of its own; infinite if never.

        It grows when writes and reads no longer reach the same Redis.
        """
        return self._clock() - self._probe_read_at

    def close(self) -> None:
        """Close the connection; the next wait opens a new one."""
        if self._connection is not None:
            self._connection.disconnect()
        self._connection = self._own_client = None
