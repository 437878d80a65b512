"""Counts of open streams in Redis, which several processes add up.

Each process sets its own counts. Those of a process that has not reported for
PROCESS_LIFETIME_MS no longer count: it has ended, and its clients are about to
reconnect to others.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from notifications.exceptions import LogUnavailable
from notifications.lib.digests import digest

# How long a process counts after its last report, in milliseconds. Clients reconnect
# later than that, by default.
PROCESS_LIFETIME_MS = 2_500

# Notes that a process is there. Returns how many are, and 1 if it was not known.
# KEYS: the processes. ARGV: this one, the name that it had before, and how long a
# report is valid, in milliseconds.
REPORT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('ZREM', KEYS[1], ARGV[2])
local added = redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {redis.call('ZCARD', KEYS[1]), added}
"""

# Sets the count of a process, unless that of all processes would be above the limit.
# Returns 1 if it did. Drops the counts of processes that have ended: an owner who
# always has a stream keeps its key forever.
# KEYS: the processes, the counts of an owner. ARGV: this process, its count, the limit,
# how long to keep the counts, in seconds, and how long a report is valid, in
# milliseconds.
ENTER = """
local time = redis.call('TIME')
local valid_since = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[5]
local total = tonumber(ARGV[2])
local counts = redis.call('HGETALL', KEYS[2])
for i = 1, #counts, 2 do
    if counts[i] ~= ARGV[1] then
        local reported = redis.call('ZSCORE', KEYS[1], counts[i])
        if not reported then
            redis.call('HDEL', KEYS[2], counts[i])
        elseif tonumber(reported) > valid_since then
            total = total + counts[i + 1]
        end
    end
end
if total > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 1
"""

# KEYS: the counts of several owners. ARGV: this process, how long to keep the counts,
# in seconds, and its count for each owner.
SET = """
for i, key in ipairs(KEYS) do
    if ARGV[i + 2] == '0' then
        redis.call('HDEL', key, ARGV[1])
    else
        redis.call('HSET', key, ARGV[1], ARGV[i + 2])
        redis.call('EXPIRE', key, ARGV[2])
    end
end
return 1
"""


class Processes(NamedTuple):
    """How many processes report, and whether this one was not among them before."""

    number: int
    is_new: bool


class StreamCounts:
    """The counts of all processes, by owner: a person or an address, as any text.

    `run` runs a Redis command and returns the reply, or the error that Redis replied
    with. `prefix` is that of all keys. Every method raises LogUnavailable.
    """

    def __init__(self, run: Callable[[tuple[Any, ...]], Any], prefix: str) -> None:
        self._run = run
        self._processes = f"{prefix}:processes"
        self._prefix = f"{prefix}:streams"

    def report(self, process: str, *, before: str) -> Processes:
        """Note that a process is there, which was named `before` until now."""
        arguments = (process, before, PROCESS_LIFETIME_MS)
        number, added = self._eval(REPORT, [self._processes], *arguments)
        return Processes(number, bool(added))

    def enter(
        self, process: str, owner: str, *, count: int, limit: int, seconds: int
    ) -> bool:
        """Set the count of a process, unless all are above the limit then.

        Tells whether it did. A count is forgotten `seconds` after it was set.
        """
        keys = [self._processes, self._key(owner)]
        arguments = (process, count, limit, seconds, PROCESS_LIFETIME_MS)
        return bool(self._eval(ENTER, keys, *arguments))

    def set(self, process: str, counts: Mapping[str, int], *, seconds: int) -> None:
        """Set the counts of a process by owner, whatever the limit."""
        keys = [self._key(owner) for owner in counts]
        self._eval(SET, keys, process, seconds, *counts.values())

    def _key(self, owner: str) -> str:
        # An address may be as long as the header that it comes from.
        return f"{self._prefix}:{digest(owner)}"

    def _eval(self, script: str, keys: list[str], *arguments: Any) -> Any:
        reply = self._run(("EVAL", script, len(keys), *keys, *arguments))
        # The command shared a round trip with others, which may have succeeded.
        if isinstance(reply, Exception):
            raise LogUnavailable(str(reply)) from reply
        return reply
