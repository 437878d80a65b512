"""The process registry: the last report of each process, beside the log's extent.

It also keeps samples of the processes, by slot: a number that counts periods of time.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from notifications.log import replies
from notifications.protocol.cursor import Cursor


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The registry at one moment.

    `entries` is how many entries the log has, from `oldest` to `newest`. `reports`
    are the last ones of the processes that still report, in any order.
    """

    entries: int
    oldest: Cursor | None
    newest: Cursor | None
    reports: list[bytes]


class ProcessRegistry:
    """Stores the reports of processes; every method raises LogUnavailable.

    `command` lends a Redis client for one command; `prefix` is that of all keys.
    """

    def __init__(
        self, command: Callable[[], AbstractContextManager[Any]], prefix: str
    ) -> None:
        self._command = command
        self._stream = f"{prefix}:log"
        # The names of the processes that report: scanning all keys would take too long.
        self._names = f"{prefix}:reports"
        self._samples = f"{prefix}:samples"

    def report(self, name: str, body: bytes, *, seconds: int) -> None:
        """Store the report of a process under its name; it expires after `seconds`."""
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            pipeline.set(self._key(name), body, ex=seconds)
            pipeline.sadd(self._names, name)
            pipeline.expire(self._names, seconds)
            pipeline.execute()

    def store_sample(self, slot: int, name: str, body: bytes, *, seconds: int) -> None:
        """Store the sample of a process in a slot; the slot expires after `seconds`."""
        key = self._sample_key(slot)
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            pipeline.hset(key, name, body)
            pipeline.expire(key, seconds)
            pipeline.execute()

    def samples(self, slots: Iterable[int]) -> list[list[bytes]]:
        """Return the samples of all processes in each of these slots, in any order."""
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            for slot in slots:
                pipeline.hvals(self._sample_key(slot))
            found: list[list[bytes]] = pipeline.execute()
        return found

    def snapshot(self) -> Snapshot:
        """Return the reports and the extent of the log as they are now."""
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            pipeline.xlen(self._stream)
            pipeline.xrange(self._stream, count=1)
            pipeline.xrevrange(self._stream, count=1)
            pipeline.smembers(self._names)
            entries, oldest, newest, names = pipeline.execute()
            reports = self._reports(client, [name.decode() for name in names])
        return Snapshot(entries, _cursor_of(oldest), _cursor_of(newest), reports)

    def _reports(self, client: Any, names: list[str]) -> list[bytes]:
        if not names:
            return []
        bodies = client.mget([self._key(name) for name in names])
        expired = [name for name, body in zip(names, bodies, strict=True) if not body]
        if expired:
            # A process that reports at this moment is left out until its next report.
            client.srem(self._names, *expired)
        return [body for body in bodies if body]

    def _sample_key(self, slot: int) -> str:
        return f"{self._samples}:{slot}"

    def _key(self, name: str) -> str:
        return f"{self._names}:{name}"


def _cursor_of(page: replies.Page) -> Cursor | None:
    return replies.cursor(page[0][0]) if page else None
