"""Who is present on topics, in Redis: what each process has of them expires with it.

A process has a hash with its roster of each topic, which one command keeps alive. One
sorted set names the processes, and another the topics whose rosters have changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any, NamedTuple

import msgspec

from notifications.lib.batches import batches

# How long a process counts after it was last kept alive, in milliseconds.
LIFETIME_MS = 6_000
# How long it is known that a topic has changed, in milliseconds.
CHANGE_LIFETIME_MS = 60_000
# How many rosters one command writes or reads.
ROSTERS_BATCH = 200
# How many people of a topic a process names. More are a number, so that those who have
# streams in several processes may count twice.
MOST_PEOPLE = 1_000

# Keeps a process alive and writes rosters, unless Redis has none of the process though
# it should have; then it returns 0.
# KEYS: the processes, the changed topics, the rosters. ARGV: the process, how long it
# and changes are kept in milliseconds, 1 to replace all rosters, 2 to add to them, or
# 0, and then topics with their rosters, which may be empty.
WRITE = """
if ARGV[4] == '0' and redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local moment = string.format('%.0f', time[1] * 1000000 + time[2])
if ARGV[4] == '1' then redis.call('DEL', KEYS[3]) end
-- Redis keeps no empty hash.
redis.call('HSET', KEYS[3], '', '')
for i = 5, #ARGV, 2 do
    if ARGV[i + 1] == '' then
        redis.call('HDEL', KEYS[3], ARGV[i])
    else
        redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
    end
    redis.call('ZADD', KEYS[2], moment, ARGV[i])
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', moment - 1000 * ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return 1
"""

# Returns the processes that are alive, and the topics that have changed with the
# moments of it. KEYS: the processes, the changed topics. ARGV: changes after this
# moment.
LOOK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return {
    redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf'),
    redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], '+inf', 'WITHSCORES'),
}
"""


class Roster(NamedTuple):
    """Who is present on a topic in one process: people by key, and how many others."""

    people: Sequence[str]
    others: int


@dataclass(frozen=True, slots=True)
class PresentKeys:
    """Who is present on a topic: some people by key, and how many there are in all."""

    people: list[str]
    count: int


class Changes(NamedTuple):
    """Which processes are alive, and which topics have changed up to a moment.

    Moments are microseconds by the clock of Redis.
    """

    processes: frozenset[str]
    topics: list[str]
    moment: float


class PresenceStore:
    """The rosters of all processes; every method raises LogUnavailable.

    `command` lends a Redis client for one command; `prefix` is that of all keys.
    """

    def __init__(
        self, command: Callable[[], AbstractContextManager[Any]], prefix: str
    ) -> None:
        self._command = command
        self._prefix = f"{prefix}:presence"

    def write(self, process: str, rosters: Mapping[str, Roster]) -> bool:
        """Keep a process alive, and write its rosters of these topics.

        False if Redis has lost the others: then they are all to be replaced.
        """
        replies = self._write(process, rosters, modes=("0", "0"))
        return all(replies)

    def replace(self, process: str, rosters: Mapping[str, Roster]) -> None:
        """Write all rosters of a process anew."""
        self._write(process, rosters, modes=("1", "2"))

    def _write(
        self, process: str, rosters: Mapping[str, Roster], *, modes: tuple[str, str]
    ) -> list[int]:
        """Write rosters in batches: the first one in the first mode."""
        mode, later = modes
        pairs = [(topic, _encode(each)) for topic, each in rosters.items()]
        keys = (*self._keys(), self._rosters(process))
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            for batch in [*batches(pairs, ROSTERS_BATCH)] or [[]]:
                flat = [part for pair in batch for part in pair]
                pipeline.eval(
                    WRITE, len(keys), *keys,
                    process, LIFETIME_MS, CHANGE_LIFETIME_MS, mode, *flat,
                )  # fmt: skip
                mode = later
            return [int(each) for each in pipeline.execute()]

    def look(self, since: float) -> Changes:
        """Return which topics have changed after a moment, and who is alive."""
        with self._command() as client:
            processes, changed = client.eval(LOOK, 2, *self._keys(), f"{since:.0f}")
        topics, moments = changed[::2], changed[1::2]
        return Changes(
            frozenset(each.decode() for each in processes),
            [each.decode() for each in topics],
            float(moments[-1]) if moments else since,
        )

    def read(self, topics: Iterable[str], *, limit: int) -> dict[str, PresentKeys]:
        """Return who is present on each of these topics, with `limit` people each."""
        processes = sorted(self.look(float("inf")).processes)
        found: dict[str, PresentKeys] = {}
        for batch in batches(list(topics), ROSTERS_BATCH):
            found |= self._read(processes, batch, limit)
        return found

    def _read(
        self, processes: Sequence[str], topics: Sequence[str], limit: int
    ) -> dict[str, PresentKeys]:
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            for process in processes:
                pipeline.hmget(self._rosters(process), topics)
            columns = pipeline.execute() or [[None] * len(topics)]
        rows = zip(*columns, strict=True)
        return {
            topic: _joined(row, limit) for topic, row in zip(topics, rows, strict=True)
        }

    def _keys(self) -> tuple[str, str]:
        return f"{self._prefix}:processes", f"{self._prefix}:changed"

    def _rosters(self, process: str) -> str:
        return f"{self._prefix}:of:{process}"


def _encode(roster: Roster) -> bytes:
    people, others = roster
    if not (people or others):
        return b""
    named = people[:MOST_PEOPLE]
    return msgspec.msgpack.encode(Roster(named, others + len(people) - len(named)))


def _joined(rosters: Iterable[bytes | None], limit: int) -> PresentKeys:
    decoded = [msgspec.msgpack.decode(each, type=Roster) for each in rosters if each]
    people = {key for each in decoded for key in each.people}
    others = sum(each.others for each in decoded)
    return PresentKeys(nsmallest(limit, people), len(people) + others)
