"""The board: where each process says in Redis how it is, and the log how long."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from notifications import replies
from notifications.cursor import Cursor


@dataclass(frozen=True, slots=True)
class Sight:
    """What the board shows: how many entries the log has, from where to where.

    `reports` are the last ones of the processes that still report, in any order.
    """

    entries: int
    oldest: Cursor | None
    newest: Cursor | None
    reports: list[bytes]


class Board:
    """Short texts that lapse; every method raises LogUnavailable.

    `command` gives a Redis client for one command, `prefix` begins each key.
    """

    def __init__(
        self, command: Callable[[], AbstractContextManager[Any]], prefix: str
    ) -> None:
        self._command = command
        self._stream = f"{prefix}:log"
        # The names of who reports, since to look through all keys takes too long.
        self._names = f"{prefix}:reports"

    def report(self, name: str, body: bytes, *, seconds: int) -> None:
        """Show what a process says, under a name of its own, for so long at most."""
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            pipeline.set(self._key(name), body, ex=seconds)
            pipeline.sadd(self._names, name)
            pipeline.expire(self._names, seconds)
            pipeline.execute()

    def look(self) -> Sight:
        """Return what there is to see."""
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            pipeline.xlen(self._stream)
            pipeline.xrange(self._stream, count=1)
            pipeline.xrevrange(self._stream, count=1)
            pipeline.smembers(self._names)
            entries, oldest, newest, names = pipeline.execute()
            reports = self._reports(client, [name.decode() for name in names])
        return Sight(entries, _cursor_of(oldest), _cursor_of(newest), reports)

    def _reports(self, client: Any, names: list[str]) -> list[bytes]:
        if not names:
            return []
        bodies = client.mget([self._key(name) for name in names])
        lapsed = [name for name, body in zip(names, bodies, strict=True) if not body]
        if lapsed:
            # One that reports just now is missing until it does so again.
            client.srem(self._names, *lapsed)
        return [body for body in bodies if body]

    def _key(self, name: str) -> str:
        return f"{self._names}:{name}"


def _cursor_of(page: replies.Page) -> Cursor | None:
    return replies.cursor(page[0][0]) if page else None
