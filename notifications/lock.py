"""A lock in Redis, so that one process at a time does what one is enough for."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from notifications import scripts


class Lock:
    """Held by one process, until it gives it back or does not renew it in time.

    `command` gives a Redis client for one command, `seconds` is how long it lasts.
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

    def renew(self) -> bool:
        """Take the lock, or keep it for as long again; False if another has it."""
        with self._command() as client:
            arguments = (self._key, self._token, self._seconds)
            return bool(client.eval(scripts.RENEW, 1, *arguments))

    def release(self) -> None:
        """Give the lock back, if it is still ours."""
        with self._command() as client:
            client.eval(scripts.RELEASE, 1, self._key, self._token)
