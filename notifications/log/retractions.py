"""Retractions: which entries of the log are not to be replayed any more.

A stream of Redis cannot be changed, and an entry that is removed would break the
continuity of cursors. So the entries stay until they are trimmed, and a set names them.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import redis

from notifications.conf import conf
from notifications.log import replies
from notifications.protocol.cursor import NO_CURSOR, Cursor

# Takes the place of the cursor of an entry that was retracted before it was appended.
NEVER_APPENDED = NO_CURSOR


class Retractions:
    """The retracted entries of the log; every method raises LogUnavailable.

    `command` lends a Redis client for one command, and `read` one for replays; `prefix`
    is that of all keys, and `uid_key` names the key by which an append finds out that a
    uid was appended.
    """

    def __init__(
        self,
        command: Callable[[], AbstractContextManager[redis.Redis]],
        prefix: str,
        *,
        uid_key: Callable[[str], str],
        read: Callable[[], AbstractContextManager[redis.Redis]],
    ) -> None:
        self._command = command
        self._read = read
        self._uid_key = uid_key
        self._stream = f"{prefix}:log"
        # Cursors, scored by their milliseconds.
        self._retracted = f"{prefix}:retracted"

    def locate(self, uids: Sequence[str]) -> list[Cursor | None]:
        """Return the cursors of the entries with these uids, None for the others.

        The others cannot be appended from now on.
        """
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            for uid in uids:
                key, seconds = self._uid_key(uid), conf.DEDUPLICATION_WINDOW
                pipeline.set(key, str(NEVER_APPENDED), nx=True, ex=seconds)
                pipeline.get(key)
            found = map(replies.cursor, pipeline.execute()[1::2])
            return [None if cursor == NEVER_APPENDED else cursor for cursor in found]

    def add(self, cursors: Sequence[Cursor]) -> None:
        """Add the entries at these cursors, before their retractions are appended."""
        with self._command() as client:
            oldest: Any = client.xrange(self._stream, count=1)
            if oldest:
                # What is no longer in the log is never replayed.
                start = replies.cursor(oldest[0][0]).milliseconds
                client.zremrangebyscore(self._retracted, "-inf", f"({start}")
            scores = {str(each): each.milliseconds for each in cursors}
            client.zadd(self._retracted, scores)

    def after(self, cursor: Cursor) -> set[Cursor]:
        """Return the cursors of the retracted entries after a cursor."""
        with self._read() as client:
            found: Any = client.zrangebyscore(
                self._retracted, cursor.milliseconds, "+inf"
            )
        return set(map(replies.cursor, found))
