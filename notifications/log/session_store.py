"""Cached sessions in Redis, so that a client can reconnect without the database."""

from collections.abc import Callable
from typing import Any

from notifications.exceptions import LogUnavailable
from notifications.log.lua import LATER
from notifications.protocol.cursor import Cursor

# Per person; when one more is stored, the others are deleted.
SESSIONS_PER_PERSON = 32

# Stores the text of a session, with the cursor as of which it is valid in front. Does
# not if the log has a control entry of the person, or one about a topic, after that.
# KEYS: the person's sessions, and those of everyone. ARGV: the session, its text, the
# cursor, seconds to keep it, and the largest number of sessions.
STORE = f"""
{LATER}
local changed = redis.call('HGET', KEYS[1], 'changed')
if changed and later(changed, ARGV[3]) then return 0 end
local all_changed = redis.call('HGET', KEYS[2], 'changed')
if all_changed and later(all_changed, ARGV[3]) then return 0 end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[5]) then
    redis.call('DEL', KEYS[1])
    if changed then redis.call('HSET', KEYS[1], 'changed', changed) end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ' ' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""

# Returns the text of a session, unless it became stale for everyone. An entry of the
# person alone has deleted it.
# KEYS: the person's sessions, and those of everyone. ARGV: the session.
LOAD = f"""
{LATER}
local found = redis.call('HGET', KEYS[1], ARGV[1])
local as_of, text = string.match(found or '', '^(%d+%-%d+) (.*)$')
if not as_of then return false end
local all_changed = redis.call('HGET', KEYS[2], 'changed')
if all_changed and later(all_changed, as_of) then return false end
return text
"""


def load_command(key: str, everyone: str, session: str) -> tuple[Any, ...]:
    """Return the Redis command whose reply is the text of a session, or None.

    `key` and `everyone` are those of a SessionStore.
    """
    return ("EVAL", LOAD, 2, key, everyone, session)


class SessionStore:
    """The cached sessions of one person; each control entry of the person deletes them.

    A control entry about a topic makes the sessions of everyone stale, at `everyone`.
    `run` runs a Redis command and returns the reply, or the error that Redis replied
    with.
    """

    def __init__(
        self, run: Callable[[tuple[Any, ...]], Any], key: str, everyone: str
    ) -> None:
        self._run = run
        self._key = key
        self._everyone = everyone

    def store(self, session: str, text: bytes, *, as_of: Cursor, seconds: int) -> bool:
        """Store the text of a session for `seconds`; tell whether it was stored.

        It is not if the log has a control entry of the person, or one about a topic,
        after `as_of`, the cursor of the newest one that the text takes into account.
        Raises LogUnavailable.
        """
        arguments = (session, text, str(as_of), seconds, SESSIONS_PER_PERSON)
        reply = self._run(("EVAL", STORE, 2, self._key, self._everyone, *arguments))
        # The command shared a round trip with others, which may have succeeded.
        if isinstance(reply, Exception):
            raise LogUnavailable(str(reply)) from reply
        return bool(reply)
