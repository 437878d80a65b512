"""Appends a person's unseen count to the log, unless the log has a newer one."""

from typing import Any

import redis

from notifications.protocol.cursor import Cursor

# Appends an unseen count, unless one of the same person was appended after the cursor
# at which this one was counted. So a later count in the log includes every change that
# an earlier one includes. Cursors are compared as text: Lua's numbers are inexact.
# KEYS: the stream, and the cursor of the person's newest count. ARGV: the entry, the
# cursor at which it was counted, entries kept, seconds to keep the cursor.
APPEND_COUNT = """
local function later(a, b)
    local ams, aseq = string.match(a, '(%d+)-(%d+)')
    local bms, bseq = string.match(b, '(%d+)-(%d+)')
    if ams == bms then ams, bms = aseq, bseq end
    return #ams > #bms or (#ams == #bms and ams > bms)
end
local newest = redis.call('GET', KEYS[2])
if newest and later(newest, ARGV[2]) then return false end
local cursor = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'e', ARGV[1])
redis.call('SET', KEYS[2], cursor, 'EX', ARGV[4])
return cursor
"""


def append_count(
    client: redis.Redis,
    keys: tuple[str, str],
    body: bytes,
    *,
    counted_at: Cursor,
    entries: int,
    seconds: int,
) -> bool:
    """Append a count; tell whether it was appended. See APPEND_COUNT."""
    reply: Any = client.eval(
        APPEND_COUNT, len(keys), *keys, body, str(counted_at), entries, seconds
    )
    return reply is not None
