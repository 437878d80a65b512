"""The reasons for and against notifying a person, and what they add up to."""

import enum
from dataclasses import dataclass
from typing import Any

from notifications.models import Actor


class Effect(enum.Enum):
    """What a reason does: whether the event gets into the inbox, and whether live."""

    INCLUDES = "includes"
    EXCLUDES = "excludes"
    # The event is in the inbox, and the bell does not count it.
    INBOX_ONLY = "inbox_only"
    # No effect; useful to know.
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence of an explanation, and its effect."""

    effect: Effect
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a person is notified about an event, or why not.

    `shown_user` is the person as ACTOR shows them. `seen` and `read` are the state of
    the event in the person's inbox. Whether a stream was open is not known.
    """

    user: Any
    shown_user: Actor
    reasons: tuple[Reason, ...]
    seen: bool = False
    read: bool = False

    @property
    def in_inbox(self) -> bool:
        """Whether the event is in the person's inbox."""
        return self._has(Effect.INCLUDES) and not self._has(Effect.EXCLUDES)

    @property
    def live(self) -> bool:
        """Whether the person is also notified live, so that the bell counts it."""
        return self.in_inbox and not self._has(Effect.INBOX_ONLY)

    def _has(self, effect: Effect) -> bool:
        return any(reason.effect is effect for reason in self.reasons)


def includes(text: str) -> Reason:
    """Return a reason to notify the person."""
    return Reason(Effect.INCLUDES, text)


def excludes(text: str) -> Reason:
    """Return a reason not to notify the person."""
    return Reason(Effect.EXCLUDES, text)


def note(text: str) -> Reason:
    """Return what is useful to know and has no effect."""
    return Reason(Effect.NOTE, text)
