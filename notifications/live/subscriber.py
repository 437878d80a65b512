"""A subscriber: the person who reads a stream, and what they follow. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MUTE, WATCH = "mute", "watch"
# Shared, since each empty set would take 200 bytes.
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who reads a stream, and for how long they may.

    `user` is the primary key as text, empty for an anonymous client. `session` and
    `login` are digests of the session's key and of the login. `seconds` is how long
    the stream may last; `expires_at` is when the session ends, in seconds since 1970.
    """

    user: str = ""
    session: str = ""
    login: str = ""
    seconds: float = float("inf")
    expires_at: float = float("inf")


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What a person follows, and how they want to be notified.

    `followed_since` gives the time of each follow in milliseconds since 1970; of those
    topics, the `watched` ones bring events of every type. Events of a `not_live` type
    are sent only for watched topics.
    """

    followed_since: Mapping[str, int]
    muted: frozenset[str] = NONE
    watched: frozenset[str] = NONE
    not_live: frozenset[str] = NONE

    @classmethod
    def of(
        cls, rows: Iterable[tuple[str, str, int]], *, not_live: Iterable[str] = ()
    ) -> "Subscriptions":
        """Return the subscriptions for rows of topic, level and time."""
        follows = list(rows)
        return cls(
            {topic: since for topic, level, since in follows if level != MUTE},
            _at(MUTE, follows),
            _at(WATCH, follows),
            frozenset(not_live) or NONE,
        )

    def changed(self, topic: str, level: str, since: int) -> "Subscriptions":
        """Return them with one topic at another level; an empty level removes it."""
        followed_since = {**self.followed_since}
        followed_since.pop(topic, None)
        if level and level != MUTE:
            followed_since[topic] = since
        return Subscriptions(
            followed_since,
            _with(self.muted, topic, level == MUTE),
            _with(self.watched, topic, level == WATCH),
            self.not_live,
        )

    def with_type(self, event_type: str, *, live: bool) -> "Subscriptions":
        """Return them with events of a type sent live, or not."""
        not_live = _with(self.not_live, event_type, not live)
        return Subscriptions(self.followed_since, self.muted, self.watched, not_live)


def _at(level: str, rows: Iterable[tuple[str, str, int]]) -> frozenset[str]:
    return frozenset(topic for topic, its, _ in rows if its == level) or NONE


def _with(names: frozenset[str], name: str, wanted: bool) -> frozenset[str]:
    return (names | {name} if wanted else names - {name}) or NONE


ANONYMOUS = Subscriber()
NO_SUBSCRIPTIONS = Subscriptions({})
