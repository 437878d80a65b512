"""What Redis remembers of a person, so that the database need not be asked again."""

from collections.abc import Callable
from typing import Any

from notifications import scripts
from notifications.cursor import Cursor
from notifications.exceptions import LogUnavailable

# Of one person; when there are more, all but the last are forgotten.
SESSIONS = 32


class Memory:
    """One text for each of a person's sessions; a control entry of theirs ends them.

    `run` runs a Redis command and returns the reply, or the error that Redis replied.
    Every method raises
    LogUnavailable.
    """

    def __init__(self, run: Callable[[tuple[Any, ...]], Any], key: str) -> None:
        self._run = run
        self._key = key

    def keep(self, session: str, text: bytes, *, as_of: Cursor, seconds: int) -> bool:
        """Remember a text for so long; tell whether it is.

        It is not if a control entry stands in the log after `as_of`, up to which
        whoever made the text has taken all of them into account.
        """
        arguments = (self._key, session, text, str(as_of), seconds, SESSIONS)
        return bool(self._reply(("EVAL", scripts.REMEMBER, 1, *arguments)))

    def get(self, session: str) -> bytes | None:
        """Return the text that is remembered for a session."""
        found: bytes | None = self._reply(("HGET", self._key, session))
        return found

    def _reply(self, command: tuple[Any, ...]) -> Any:
        reply = self._run(command)
        # Others asked in the same round, and may have got what they wanted.
        if isinstance(reply, Exception):
            raise LogUnavailable(str(reply)) from reply
        return reply
