"""The active subscriptions of Mercure: of each process, its subscribers and theirs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

# In seconds: a process that does not renew itself for that long counts as lost.
ALIVE_LIFETIME = 10
# In seconds, renewed as well: what is left of a site that was turned off.
KEPT = 86_400
# How many subscribers a step of a scan returns, about.
SCAN_COUNT = 500


class SubscriberStore:
    """Stores what subscribers subscribe to; every method raises LogUnavailable.

    `command` lends a Redis client for one command; `prefix` is that of all keys.
    """

    def __init__(
        self, command: Callable[[], AbstractContextManager[Any]], prefix: str
    ) -> None:
        self._command = command
        self._names = f"{prefix}:mercure"

    def renew(self, process: str) -> int:
        """Note that a process is alive; return how many subscribers are stored of it.

        Returns -1 if it counted as lost.
        """
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            pipeline.exists(self._alive(process))
            pipeline.hlen(self._key(process))
            pipeline.set(self._alive(process), 1, ex=ALIVE_LIFETIME)
            pipeline.expire(self._key(process), KEPT)
            pipeline.sadd(self._names, process)
            was_alive, count, *_ = pipeline.execute()
        return int(count) if was_alive else -1

    def write(
        self, process: str, started: Mapping[str, bytes], ended: Iterable[str]
    ) -> None:
        """Store subscribers of a process, and delete those that have ended."""
        key = self._key(process)
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            if started:
                pipeline.hset(key, mapping=dict(started))
                pipeline.expire(key, KEPT)
            if deleted := [*ended]:
                pipeline.hdel(key, *deleted)
            pipeline.execute()

    def lost(self) -> list[str]:
        """Return the processes that are not alive."""
        with self._command() as client:
            names = sorted(name.decode() for name in client.smembers(self._names))
            if not names:
                return []
            alive = client.mget(map(self._alive, names))
        return [name for name, found in zip(names, alive, strict=True) if not found]

    def forget(self, process: str) -> None:
        """Delete a process and its subscribers."""
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            pipeline.unlink(self._key(process))
            pipeline.srem(self._names, process)
            pipeline.execute()

    def subscribers(self, process: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield the subscribers of a process, or of all, with what was stored."""
        for name in [process] if process else self._processes():
            position = None
            while position != 0:
                with self._command() as client:
                    position, found = client.hscan(
                        self._key(name), position or 0, count=SCAN_COUNT
                    )
                yield from ((each.decode(), body) for each, body in found.items())

    def find(self, subscriber: str) -> bytes | None:
        """Return what was stored of a subscriber, None if there is no such one."""
        names = self._processes()
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hget(self._key(name), subscriber)
            found: list[bytes | None] = pipeline.execute()
        return next(filter(None, found), None)

    def _processes(self) -> list[str]:
        with self._command() as client:
            return sorted(name.decode() for name in client.smembers(self._names))

    def _key(self, process: str) -> str:
        return f"{self._names}:of:{process}"

    def _alive(self, process: str) -> str:
        return f"{self._names}:alive:{process}"
