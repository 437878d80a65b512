"""A lock in Redis, so that one process at a time does what one is enough for."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Self

from notifications import scripts
from notifications.exceptions import LogUnavailable


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
        self._held = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        # If it cannot be given back now, it lapses.
        with suppress(LogUnavailable):
            self.release()

    def renew(self) -> bool:
        """Take the lock, or keep it for as long again; False if another has it.

        Raises LogUnavailable.
        """
        with self._command() as client:
            arguments = (self._key, self._token, self._seconds)
            self._held = bool(client.eval(scripts.RENEW, 1, *arguments))
        return self._held

    def release(self) -> None:
        """Give the lock back, if it is still ours; raises LogUnavailable."""
        if self._held:
            self._held = False
            with self._command() as client:
                client.eval(scripts.RELEASE, 1, self._key, self._token)
