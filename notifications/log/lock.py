"""A lock in Redis, for work that only one process should do at a time."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Self

from notifications.exceptions import LogUnavailable

# KEYS: the lock. ARGV: the token of the process that wants it, seconds.
RENEW = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""

# KEYS: the lock. ARGV: the token of the process that holds it.
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Lock:
    """Held by one process until it is released, or not renewed in time.

    `command` lends a Redis client for one command; `seconds` is how long the lock
    lasts after each renewal.
    """

    def __init__(
        self,
        command: Callable[[], AbstractContextManager[Any]],
        key: str,
        *,
        seconds: int,
    ) -> None:
        self._command = command
        self._key = key
        self._seconds = seconds
        self._token = secrets.token_hex(8)
        self._held = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        # If it cannot be released now, it expires.
        with suppress(LogUnavailable):
            self.release()

    def renew(self) -> bool:
        """Acquire or extend the lock; return False if another process holds it.

        Raises LogUnavailable.
        """
        with self._command() as client:
            arguments = (self._key, self._token, self._seconds)
            self._held = bool(client.eval(RENEW, 1, *arguments))
        return self._held

    def release(self) -> None:
        """Release the lock if this process still holds it; raises LogUnavailable."""
        if self._held:
            self._held = False
            with self._command() as client:
                client.eval(RELEASE, 1, self._key, self._token)
