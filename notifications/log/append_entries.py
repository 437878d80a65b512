"""Appends entries to the log, unless their uids were appended before."""

import secrets
from collections.abc import Sequence
from typing import Any

import redis

from notifications.conf import conf
from notifications.log import replies
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import StartEntry, encode

# Appends an entry unless its uid was appended before, and returns its cursor.
# KEYS: the stream, the uid's key and, for a control entry, the person's cached
# sessions. These are deleted first: Redis lets a script that has begun to write go on
# even when its memory is full. An entry that is appended again changes nothing there:
# the sessions may have changed since. ARGV: the entry, entries kept, seconds to keep
# the uid and to know of the change of the sessions.
APPEND = """
local cursor = redis.call('GET', KEYS[2])
if cursor then return cursor end
if KEYS[3] then redis.call('DEL', KEYS[3]) end
cursor = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
redis.call('SET', KEYS[2], cursor, 'EX', ARGV[3])
if KEYS[3] then
    redis.call('HSET', KEYS[3], 'changed', cursor)
    redis.call('EXPIRE', KEYS[3], ARGV[4])
end
return cursor
"""

# KEYS: the stream. ARGV: the entry that a new log starts with.
START = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('XADD', KEYS[1], '*', 'e', ARGV[1])
end
return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]
"""


# An entry, and the keys that APPEND takes beside the stream.
Item = tuple[bytes, tuple[str, ...]]


def append_entries(
    client: redis.Redis, stream: str, items: Sequence[Item]
) -> list[Cursor]:
    """Append entries in one round trip and return their cursors."""
    window = conf.DEDUPLICATION_WINDOW
    known = max(window, round(conf.SESSION_CACHE_TTL))
    with client.pipeline(transaction=False) as pipeline:
        for body, keys in items:
            pipeline.eval(
                APPEND, 1 + len(keys), stream, *keys, body,
                conf.LOG_MAX_ENTRIES, window, known,
            )  # fmt: skip
        return [replies.cursor(reply) for reply in pipeline.execute()]


def start_log(client: redis.Redis, stream: str) -> Cursor:
    """Append the first entry of a log that is empty; return the newest cursor."""
    entry = encode(StartEntry(uid=secrets.token_hex(8)))
    reply: Any = client.eval(START, 1, stream, entry)
    return replies.cursor(reply)
