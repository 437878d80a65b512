"""Recent entries: where in the log the newest entries of a topic are.

So they are found without reading the log, however many entries follow them.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from notifications.log import replies
from notifications.log.log_reader import LogReader
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record

# After this time without a new entry of a topic, it is forgotten where the last were.
KEPT_SECONDS = 30 * 24 * 60 * 60


class RecentEntries:
    """The newest entries of topics; every method raises LogUnavailable.

    `command` lends a Redis client for one command; `prefix` is that of all keys.
    """

    def __init__(
        self,
        command: Callable[[], AbstractContextManager[Any]],
        prefix: str,
        *,
        log: LogReader,
    ) -> None:
        self._command = command
        self._prefix = prefix
        self._log = log

    def add(self, topics: Iterable[str], cursor: Cursor, *, keep: int) -> None:
        """Note where an entry of these topics is, and forget those before `keep`."""
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            for key in map(self._key, topics):
                pipeline.lpush(key, str(cursor))
                pipeline.ltrim(key, 0, keep - 1)
                pipeline.expire(key, KEPT_SECONDS)
            pipeline.execute()

    def read(self, topic: str, *, limit: int) -> list[Record]:
        """Return the newest noted entries of a topic that the log has, in order."""
        if limit < 1:
            return []
        with self._command() as client:
            noted = client.lrange(self._key(topic), 0, limit - 1)
        # Two processes may have noted theirs in another order, and one of them twice.
        return self._log.find_entries(sorted(set(map(replies.cursor, noted))))

    def _key(self, topic: str) -> str:
        return f"{self._prefix}:recent:{topic}"
