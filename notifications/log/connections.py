"""The connections of a process for commands; none of them waits for another."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

import redis

from notifications.conf import conf
from notifications.log.client import RedisClient

# How long Redis may take to reply, at least, to what a client that reconnects waits
# for, and to what no request waits for.
RECONNECT_TIMEOUT = 1.0
PATIENT_TIMEOUT = 5.0
# Whether this thread is in a block of `patiently`.
_is_patient = ContextVar("_is_patient", default=False)


class Connections:
    """A client of Redis for each kind of work, connected when it is first used.

    `url`, `key` and `clock` are those of RedisClient.
    """

    def __init__(
        self, url: Callable[[], str], *, key: str, clock: Callable[[], float]
    ) -> None:
        def new_client(timeout: Callable[[], float]) -> RedisClient:
            return RedisClient(url, key=key, timeout=timeout, clock=clock)

        # Appends, and other short commands that requests wait for.
        self.appends = new_client(lambda: conf.REDIS_TIMEOUT)
        # The same in threads that no request waits for.
        self.patient = new_client(_patient_timeout)
        # What clients need that reconnect, and the readiness; and what clients missed.
        # Whatever they ask for, no append waits behind it.
        self.reconnects = new_client(_reconnect_timeout)
        self.replays = new_client(_reconnect_timeout)
        self._all = (self.appends, self.patient, self.reconnects, self.replays)

    def command(
        self, *, bypass_breaker: bool = False
    ) -> AbstractContextManager[redis.Redis]:
        """Lend a client for short commands; see RedisClient and `patiently`."""
        client = self.patient if _is_patient.get() else self.appends
        return client.command(bypass_breaker=bypass_breaker)

    def close_breakers(self) -> None:
        """Close all circuit breakers: Redis is there."""
        for client in self._all:
            client.breaker.succeeded()

    def close(self) -> None:
        """Close all connections; the next commands open new ones."""
        for client in self._all:
            client.close()


@contextmanager
def patiently() -> Iterator[None]:
    """Let Redis take seconds for each command of this thread in the block.

    For threads that no request waits for: a slow Redis then makes them slow, and they
    do not give up.
    """
    token = _is_patient.set(True)
    try:
        yield
    finally:
        _is_patient.reset(token)


def _reconnect_timeout() -> float:
    return max(conf.REDIS_TIMEOUT, RECONNECT_TIMEOUT)


def _patient_timeout() -> float:
    return max(conf.REDIS_TIMEOUT, PATIENT_TIMEOUT)
