"""Looks for a replica that keeps up with the primary, for the reader of the log.

A replica is accepted once it has a probe that was just written to the primary: so it
replicates this primary, and now.
"""

import math
import random
import threading
from collections.abc import Callable
from contextlib import suppress

import redis

from notifications.exceptions import LogUnavailable
from notifications.lib.started_thread import started_thread
from notifications.log.client import RedisClient
from notifications.log.failures import explain
from notifications.log.locations import Replica
from notifications.log.log_connection import LogConnection
from notifications.log.probes import Probes, newest_in

# How long a probe may take to reach a replica that is to be read.
TRIAL_SECONDS = 1.0
# How long after a search that found none, or after a replica was left, the next begins.
RETRY_SECONDS = 10.0


class ReplicaSearch:
    """Searches in threads that end with the search, so that the reader never waits.

    `client` knows where the replicas are, and `timeout` is how long their replies may
    take, in seconds; `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        client: RedisClient,
        probes: Probes,
        *,
        stream: str,
        timeout: float,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._probes = probes
        self._stream = stream
        self._timeout = timeout
        self._clock = clock
        self._due_at = -math.inf
        # Written by the thread of a search, and read when it has ended.
        self._thread: threading.Thread | None = None
        self._found: LogConnection | None = None
        # Why the last search found none.
        self.failure = ""

    def begin(self) -> None:
        """Begin a search, unless one is running or it is too early for the next."""
        if self._thread is None and self._clock() >= self._due_at:
            # The process may not have another thread now.
            with suppress(RuntimeError):
                self._thread = started_thread(
                    self._search, name="notifications-replicas"
                )

    @property
    def has_ended(self) -> bool:
        """Whether a search has ended; `take` returns what it found."""
        return self._thread is not None and not self._thread.is_alive()

    def take(self) -> LogConnection | None:
        """Return a connection to a replica that keeps up, or None if there is none."""
        found, self._found, self._thread = self._found, None, None
        if found is None:
            self.postpone()
        return found

    def postpone(self) -> None:
        """Let the next search begin in RETRY_SECONDS."""
        self._due_at = self._clock() + RETRY_SECONDS

    def close(self) -> None:
        """Wait for a running search, and close what it found."""
        if self._thread is not None:
            self._thread.join()
            found = self.take()
            if found is not None:
                found.close()
        self._due_at = -math.inf

    def _search(self) -> None:
        self.failure = "no replica is known"
        try:
            replicas = self._client.replicas(timeout=self._timeout)
            # Processes spread over them.
            for each in random.sample(replicas, len(replicas)):
                self._found = self._try(each)
                if self._found is not None:
                    return
        except (redis.RedisError, OSError) as error:
            self.failure = explain(error)
        except LogUnavailable as error:
            self.failure = str(error)

    def _try(self, replica: Replica) -> LogConnection | None:
        """Return a connection to a replica; None if it does not keep up.

        Raises LogUnavailable if the primary cannot be reached.
        """
        connection = None
        try:
            connection = LogConnection(
                replica.client,
                stream=self._stream,
                probes=self._probes.stream,
                host=replica.host,
            )
            connection.prepare_replica(is_in_cluster=replica.is_in_cluster)
            fault = self._fault(connection)
            if not fault:
                return connection
            self.failure = f"{replica.host} {fault}"
        except (redis.RedisError, OSError) as error:
            self.failure = f"{replica.host}: {explain(error)}"
        if connection is not None:
            connection.close()
        return None

    def _fault(self, connection: LogConnection) -> str:
        """Return why a server is not to be read; empty for a replica that keeps up."""
        if connection.is_primary():
            return "is a primary"
        written = self._probes.write()
        deadline = self._clock() + TRIAL_SECONDS
        while (seconds := deadline - self._clock()) > 0:
            if newest_in(connection.read_probes(seconds=seconds)) >= written:
                return ""
        return f"is more than {TRIAL_SECONDS:g} s behind"
