"""Reads entries of the log for clients that reconnect, on a connection of its own."""

from collections.abc import Iterator, Sequence
from typing import Any

from notifications.exceptions import LogGap
from notifications.log import replies
from notifications.log.client import RedisClient
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record

# How many entries a page has at most.
READ_LIMIT = 500
# Returns the entries at some cursors, or nil for one that is not in the log.
# KEYS: the stream. ARGV: the cursors.
READ = """
local found = {}
for place, cursor in ipairs(ARGV) do
    local entry = redis.call('XRANGE', KEYS[1], cursor, cursor)[1]
    found[place] = entry and entry[2][2] or false
end
return found
"""


class LogReader:
    """Reads the entries of a stream.

    `replays` is its connection to Redis, and `stream` is the key.
    """

    def __init__(self, replays: RedisClient, stream: str) -> None:
        self.replays = replays
        self._stream = stream

    def contains(self, cursor: Cursor) -> bool:
        """Tell whether the entry at `cursor` is in the log; raises LogUnavailable."""
        with self.replays.command() as client:
            return bool(client.xrange(self._stream, str(cursor), str(cursor)))

    def read(self, after: Cursor, *, until: Cursor) -> Iterator[Record]:
        """Yield the entries after one cursor, up to and including another, in pages.

        Raises LogUnavailable. Raises LogGap if the entry at `after`, or the last entry
        of a page, is no longer in the log when the next page is read.
        """
        while after < until:
            with self.replays.command() as client:
                # Includes the entry at `after`, which proves that none is missing.
                page: Any = client.xrange(
                    self._stream, str(after), str(until), count=READ_LIMIT
                )
            records = replies.records_after(after, page)
            yield from records
            if len(records) < READ_LIMIT - 1:
                return
            after = records[-1].cursor

    def read_entries(self, cursors: Sequence[Cursor]) -> list[Record]:
        """Return the entries at these cursors.

        Raises LogUnavailable, and LogGap if one is no longer in the log.
        """
        found = self.find_entries(cursors)
        if len(found) < len(cursors):
            raise LogGap(min({*cursors} - {each.cursor for each in found}))
        return found

    def find_entries(self, cursors: Sequence[Cursor]) -> list[Record]:
        """Return those of the entries at these cursors that the log still has.

        Raises LogUnavailable.
        """
        if not cursors:
            return []
        with self.replays.command() as client:
            found: Any = client.eval(READ, 1, self._stream, *map(str, cursors))
        pairs = zip(cursors, found, strict=True)
        return [Record(cursor, body) for cursor, body in pairs if body is not None]

    def read_back(self, end: Cursor, *, limit: int) -> list[Record]:
        """Return the last entries up to and including the one at `end`, in order.

        Raises LogUnavailable, and LogGap if the log does not have that entry.
        """
        with self.replays.command() as client:
            page: Any = client.xrevrange(self._stream, str(end), count=limit)
        records = replies.records(page)
        if not records or records[0].cursor != end:
            raise LogGap(end)
        return records[::-1]
