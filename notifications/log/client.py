"""Connections to Redis, and the circuit breaker that keeps requests from waiting.

Only this package talks to Redis; this module knows nothing of events.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.lib.circuit_breaker import CircuitBreaker
from notifications.log import locations
from notifications.log.failures import unavailable

# A timeout that took this many times as long as it should have was caused by a busy
# process, not by Redis.
LATE_TIMEOUT_FACTOR = 1.25
# How long a thread waits for the command connection while other threads use it.
COMMAND_LOCK_SECONDS = 2.0
# How long Redis may take to accept a connection that may be slow otherwise.
CONNECT_SECONDS = 2.0


class RedisClient:
    """One connection for short commands, shared by the threads of a process.

    The connection is opened when it is first needed and dropped when it fails. While
    the circuit breaker is open, commands fail immediately instead of each waiting for
    a timeout. `url` is called for each new connection and may raise OSError; of several
    servers there, the one that has `key` is meant. `timeout` returns how many seconds a
    reply may take; `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        url: Callable[[], str],
        *,
        key: str,
        timeout: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._key = key
        self._timeout = timeout
        self._clock = clock
        # Guards the connection: redis-py's is not safe to share.
        self._command_lock = threading.Lock()
        self._connection: redis.Redis | None = None
        self.breaker = CircuitBreaker(
            timeout=lambda: conf.REDIS_BREAKER_TIMEOUT, clock=clock
        )

    @contextmanager
    def command(self, *, bypass_breaker: bool = False) -> Iterator[redis.Redis]:
        """Lend the connection for short commands to one thread at a time.

        Raises LogUnavailable when Redis cannot be reached or refuses a command, and
        immediately while the breaker is open, unless it is bypassed.
        """
        if not bypass_breaker:
            self.check_breaker()
        seconds = COMMAND_LOCK_SECONDS + self._timeout()
        if not self._command_lock.acquire(timeout=seconds):
            raise LogUnavailable(f"the Redis connection was busy for {seconds:g} s")
        began = self._clock()
        try:
            # Checked again with the lock: if a command failed while this one waited
            # for the lock, this one fails as well.
            if not bypass_breaker:
                self.check_breaker()
            if self._connection is None:
                self._connection = self.connect(timeout=self._timeout())
            # Finding the server may have taken longer than its replies may.
            began = self._clock()
            yield self._connection
            self.breaker.succeeded()
        except (redis.RedisError, OSError) as error:
            if self._is_unreachable(error, seconds=self._clock() - began):
                self.breaker.failed()
            self._drop()
            raise unavailable(error) from error
        finally:
            self._command_lock.release()

    def run_all(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run commands in one round trip and return their replies.

        An error that Redis returns for one command stands in place of its reply.
        Raises LogUnavailable.
        """
        with self.command() as client, client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            return list(pipeline.execute(raise_on_error=False))

    def connect(self, *, timeout: float) -> redis.Redis:
        """Return a new client, whose replies may take `timeout` seconds.

        Raises redis.RedisError or OSError if it is not known where Redis is.
        """
        return locations.connect(
            self._url(),
            key=self._key,
            timeout=timeout,
            connect_timeout=min(timeout, CONNECT_SECONDS),
        )

    def reads_replicas(self) -> bool:
        """Tell whether the log is to be read from replicas; raises OSError."""
        return locations.reads_replicas(self._url())

    def replicas(self, *, timeout: float) -> list[locations.Replica]:
        """Return the replicas to read from; their replies may take `timeout` seconds.

        Raises as `connect` does.
        """
        return locations.replicas(
            self._url(),
            key=self._key,
            timeout=timeout,
            connect_timeout=min(timeout, CONNECT_SECONDS),
        )

    def close(self) -> None:
        """Close the connection; the next command opens a new one."""
        with self._command_lock:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _is_unreachable(self, error: Exception, *, seconds: float) -> bool:
        """Tell whether Redis itself failed, given how long the command took.

        An error reply is not such a failure. Nor is a timeout that was noticed late:
        this process was busy then, and the reply may have been there in time.
        """
        if isinstance(error, redis.TimeoutError):
            return seconds < LATE_TIMEOUT_FACTOR * self._timeout()
        return not isinstance(error, redis.ResponseError)

    def check_breaker(self) -> None:
        """Raise LogUnavailable while the breaker is open."""
        if not self.breaker.allows():
            raise LogUnavailable("Redis failed a moment ago and is not retried yet")
