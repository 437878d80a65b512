"""Cached sessions in Redis, so that a client can reconnect without the database."""

from collections.abc import Callable
from typing import Any

from notifications.exceptions import LogUnavailable
from notifications.protocol.cursor import Cursor

# Per person; when one more is stored, the others are deleted.
SESSIONS_PER_PERSON = 32

# Stores a session, unless the log has a control entry of the person after the cursor
# as of which it is valid. Cursors are compared as text: Lua's numbers are inexact.
# KEYS: the person's sessions. ARGV: the session, its text, the cursor, seconds to keep
# it, and the largest number of sessions.
STORE = """
local function later(a, b)
    local ams, aseq = string.match(a, '(%d+)-(%d+)')
    local bms, bseq = string.match(b, '(%d+)-(%d+)')
    if ams == bms then ams, bms = aseq, bseq end
    return #ams > #bms or (#ams == #bms and ams > bms)
end
local changed = redis.call('HGET', KEYS[1], 'changed')
if changed and later(changed, ARGV[3]) then return 0 end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[5]) then
    redis.call('DEL', KEYS[1])
    if changed then redis.call('HSET', KEYS[1], 'changed', changed) end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


class SessionStore:
    """The cached sessions of one person; each control entry of the person deletes them.

    `run` runs a Redis command and returns the reply, or the error that Redis replied
    with. Every method raises LogUnavailable.
    """

    def __init__(self, run: Callable[[tuple[Any, ...]], Any], key: str) -> None:
        self._run = run
        self._key = key

    def store(self, session: str, text: bytes, *, as_of: Cursor, seconds: int) -> bool:
        """Store the text of a session for `seconds`; tell whether it was stored.

        It is not if the log has a control entry of the person after `as_of`, the
        cursor of the newest one that the text takes into account.
        """
        arguments = (self._key, session, text, str(as_of), seconds)
        return bool(self._reply(("EVAL", STORE, 1, *arguments, SESSIONS_PER_PERSON)))

    def load(self, session: str) -> bytes | None:
        """Return the text that is stored for a session, or None."""
        found: bytes | None = self._reply(("HGET", self._key, session))
        return found

    def _reply(self, command: tuple[Any, ...]) -> Any:
        reply = self._run(command)
        # The command shared a round trip with others, which may have succeeded.
        if isinstance(reply, Exception):
            raise LogUnavailable(str(reply)) from reply
        return reply
