"""Recovery: what Redis has lost is appended again, or declared lost.

A Redis that is restarted without its last second, or replaced by a replica, has lost
the end of the log. It has another identity then.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import redis

from notifications.log.append_entries import Item, append_entries
from notifications.log.lua import LATER
from notifications.log.retractions import Retractions
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import (
    GapEntry,
    RetractEntry,
    StartEntry,
    decode_outbox,
    encode,
)

# How long a process remembers the control entries that it has appended, and how many.
REMEMBERED_SECONDS = 60.0
REMEMBERED_CONTROLS = 1_000
# Appends an entry with an id, unless the next one would get a later id by itself.
# KEYS: the stream. ARGV: the id, its milliseconds, the entry.
ADVANCE = f"""
{LATER}
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now < tonumber(ARGV[2]) and newest and later(ARGV[1], newest[1]) then
    redis.call('XADD', KEYS[1], ARGV[1], 'e', ARGV[3])
end
return 1
"""
# Returns which cursors have no entry although the log begins before them, by place.
# KEYS: the stream. ARGV: the cursors, in order.
MISSING = """
local found = {}
for place, cursor in ipairs(ARGV) do
    if #redis.call('XRANGE', KEYS[1], cursor, cursor) == 0
        and #redis.call('XRANGE', KEYS[1], '-', cursor, 'COUNT', 1) == 1
    then table.insert(found, place) end
end
return found
"""


class RecentControls:
    """The control entries that this process has appended a moment ago.

    Their rows in the outbox are deleted by then. `clock` is a monotonic clock in
    seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._items: deque[tuple[float, Cursor, Item]] = deque(
            maxlen=REMEMBERED_CONTROLS
        )

    def note(self, items: Sequence[Item], cursors: Sequence[Cursor]) -> None:
        """Remember entries that were appended just now, and where."""
        now = self._clock()
        pairs = zip(cursors, items, strict=True)
        self._items.extend((now, cursor, item) for cursor, item in pairs)

    def items(self) -> dict[Cursor, Item]:
        """Return the entries of the last REMEMBERED_SECONDS, in order."""
        start = self._clock() - REMEMBERED_SECONDS
        found = list(self._items)
        return {cursor: item for noted, cursor, item in found if noted >= start}


class Request:
    """What a process asks its next sweep for: to repair the log, which lost its end.

    `cursor` is that of an entry which is lost.
    """

    def __init__(self) -> None:
        self.cursor: Cursor | None = None


class Recovery:
    """What the sweep needs to repair the log; every method raises LogUnavailable.

    `command` lends a Redis client for one command, and `stream` is the key of the log.
    `uid_key` names the key by which an append finds out that a uid was appended.
    `request` is that of the process.
    """

    def __init__(
        self,
        command: Callable[[], AbstractContextManager[redis.Redis]],
        stream: str,
        *,
        request: Request,
        uid_key: Callable[[str], str],
        controls: RecentControls,
        retractions: Retractions,
    ) -> None:
        self._command = command
        self._stream = stream
        self.requested = request
        self._uid_key = uid_key
        self._controls = controls
        self._retractions = retractions

    def identity(self) -> str:
        """Return what changes when Redis is restarted or replaced.

        Empty if it does not say, as when the user may not run INFO.
        """
        with self._command() as client:
            try:
                server: Any = client.info("server")
                replication: Any = client.info("replication")
            except redis.ResponseError:
                return ""
        return f"{server.get('run_id')}:{replication.get('master_replid')}"

    def missing(self, cursors: Sequence[Cursor]) -> list[Cursor]:
        """Return those of the cursors, in order, whose entries are lost.

        Entries before the beginning of the log were trimmed, or the log is another one,
        which readers notice.
        """
        if not cursors:
            return []
        with self._command() as client:
            found: Any = client.eval(MISSING, 1, self._stream, *map(str, cursors))
        return [cursors[place - 1] for place in found]

    def request(self, cursor: Cursor) -> None:
        """Ask the next sweep to repair the log, which lacks the entry at a cursor."""
        self.requested.cursor = cursor

    def advance(self, cursor: Cursor) -> None:
        """Let all cursors from now on come after this one.

        It may be of an entry that is lost, and the clock of a new primary may be
        behind: another entry would get the same cursor, or an earlier one.
        """
        filler = encode(StartEntry(uid=secrets.token_hex(8)))
        following = Cursor(cursor.milliseconds + 1, 0)
        with self._command() as client:
            client.eval(
                ADVANCE, 1, self._stream,
                str(following), following.milliseconds, filler,
            )  # fmt: skip

    def append_controls(self, *, end: Cursor) -> int:
        """Append this process's recent control entries again that are lost.

        Returns how many were not appended up to `end` by another process.
        """
        items = self._controls.items()
        lost = [items[each] for each in self.missing(list(items))]
        if retracted := list(_retracted(lost)):
            self._retractions.add(retracted)
        if not lost:
            return 0
        with self._command() as client:
            found = append_entries(client, self._stream, lost)
        return sum(cursor > end for cursor in found)

    def is_declared(self) -> bool:
        """Tell whether it was declared that this Redis may lack entries."""
        key = self._uid_key(_gap_uid(self.identity()))
        with self._command() as client:
            return bool(client.exists(key))

    def declare_gap(self, identity: str) -> None:
        """Append, once for this identity, that the log may lack entries before."""
        entry = GapEntry(uid=_gap_uid(identity))
        item = (encode(entry), (self._uid_key(entry.uid),))
        with self._command() as client:
            append_entries(client, self._stream, [item])


def _gap_uid(identity: str) -> str:
    return f"gap:{identity}"


def _retracted(items: Sequence[Item]) -> Iterator[Cursor]:
    """Yield the cursors of the events that these entries retract."""
    for body, _ in items:
        entry = decode_outbox(body)
        if isinstance(entry, RetractEntry) and entry.cursor:
            yield Cursor.parse(entry.cursor)
