"""The process registry: the last report of each process, beside the log's extent."""

from collections.abc import Callable
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

    def report(self, name: str, body: bytes, *, seconds: int) -> None:
        """Store the report of a process under its name; it expires after `seconds`."""
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            pipeline.set(self._key(name), body, ex=seconds)
            pipeline.sadd(self._names, name)
            pipeline.expire(self._names, seconds)
            pipeline.execute()

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

    def _key(self, name: str) -> str:
        return f"{self._names}:{name}"


def _cursor_of(page: replies.Page) -> Cursor | None:
    return replies.cursor(page[0][0]) if page else None
