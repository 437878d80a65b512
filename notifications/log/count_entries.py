"""Appends the unseen counts of people to the log, unless the log has newer ones."""

from collections.abc import Sequence

import redis

from notifications.conf import conf
from notifications.log.lua import LATER
from notifications.protocol.cursor import Cursor

# Appends an unseen count, unless one of the same person was appended after the cursor
# at which this one was counted. So a later count in the log includes every change that
# an earlier one includes.
# KEYS: the stream, and the cursor of the person's newest count. ARGV: the entry, the
# cursor at which it was counted, entries kept, seconds to keep the cursor.
APPEND_COUNT = f"""
{LATER}
local newest = redis.call('GET', KEYS[2])
if newest and later(newest, ARGV[2]) then return false end
local cursor = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'e', ARGV[1])
redis.call('SET', KEYS[2], cursor, 'EX', ARGV[4])
return cursor
"""


def append_counts(
    client: redis.Redis,
    stream: str,
    counts: Sequence[tuple[str, bytes]],
    *,
    counted_at: Cursor,
) -> list[bool]:
    """Append counts in one round trip; tell of each whether it was appended.

    `counts` has the key of the person's newest count, and the entry. See APPEND_COUNT.
    """
    with client.pipeline(transaction=False) as pipeline:
        for key, body in counts:
            pipeline.eval(
                APPEND_COUNT, 2, stream, key, body, str(counted_at),
                conf.LOG_MAX_ENTRIES, conf.DEDUPLICATION_WINDOW,
            )  # fmt: skip
        return [reply is not None for reply in pipeline.execute()]
