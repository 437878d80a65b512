"""Subscriptions: what a person follows, and the rule of who is notified. Pure.

The rule is stated here, in memory, and once more in SQL, in `inbox/recipients.py`; a
property test holds the two against each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from notifications.protocol.topics import EVERYONE

MUTE, WATCH = "mute", "watch"
# Shared, since each empty set would take 200 bytes.
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Addressed:
    """What the rule needs of an event; times are in milliseconds since 1970.

    `by` is when the event was relayed: a follow counts from then on. `created` is when
    it was recorded. The followers of the topics in `already_told` were notified about
    the same thing by an earlier event, at that time.
    """

    type: str
    topics: tuple[str, ...]
    by: int
    created: int
    actor: str = ""
    already_told: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What a person follows, and how they want to be notified.

    `followed_since` gives the time of each follow in milliseconds since 1970; of those
    topics, the `watched` ones bring events of every type. Events of a `not_live` type
    are sent live only for watched topics, and events of an `off` type are in the inbox
    only for those. `joined` is when the account was made; None for an anonymous
    client, who is not notified about announcements to everyone.
    """

    followed_since: Mapping[str, int]
    muted: frozenset[str] = NONE
    watched: frozenset[str] = NONE
    not_live: frozenset[str] = NONE
    off: frozenset[str] = NONE
    joined: int | None = None

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[str, str, int]],
        *,
        not_live: Iterable[str] = (),
        off: Iterable[str] = (),
        joined: int | None = None,
    ) -> "Subscriptions":
        """Return the subscriptions for rows of topic, level and time."""
        follows = list(rows)
        return cls(
            {topic: since for topic, level, since in follows if level != MUTE},
            _at(MUTE, follows),
            _at(WATCH, follows),
            frozenset(not_live) or NONE,
            frozenset(off) or NONE,
            joined,
        )

    def notifies(self, event: Addressed, *, user: str, live: bool = False) -> bool:
        """Tell whether an event is in the inbox of this person, or sent `live`."""
        if event.actor == user or self.mutes(event):
            return False
        if not any(self.follows(event, topic) for topic in event.topics):
            return False
        if event.type in (self.not_live if live else self.off):
            return self.watches(event) and not self.was_already_told(event)
        return not self.was_already_told(event)

    def follows(self, event: Addressed, topic: str) -> bool:
        """Tell whether a topic of an event brings it to this person."""
        if topic == EVERYONE:
            return self.joined is not None and self.joined <= event.created
        return self._followed(topic, by=event.by)

    def watches(self, event: Addressed) -> bool:
        """Tell whether a topic that this person watches brings them an event."""
        watched = self.watched.intersection(event.topics)
        return any(self._followed(topic, by=event.by) for topic in watched)

    def mutes(self, event: Addressed) -> bool:
        """Tell whether this person has muted a topic of an event."""
        if not self.muted:
            return False
        return not self.muted.isdisjoint((*event.topics, *event.already_told))

    def was_already_told(self, event: Addressed) -> bool:
        """Tell whether an earlier event notified this person about the same thing."""
        return any(
            self.joined is not None and self.joined <= time
            if topic == EVERYONE
            else self._followed(topic, by=time)
            for topic, time in event.already_told.items()
        )

    def _followed(self, topic: str, *, by: int) -> bool:
        since = self.followed_since.get(topic)
        return since is not None and since <= by

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
            self.off,
            self.joined,
        )

    def with_type(self, event_type: str, *, live: bool) -> "Subscriptions":
        """Return them with events of a type sent live, or not."""
        not_live = _with(self.not_live, event_type, not live)
        return Subscriptions(
            self.followed_since,
            self.muted,
            self.watched,
            not_live,
            self.off,
            self.joined,
        )


def _at(level: str, rows: Iterable[tuple[str, str, int]]) -> frozenset[str]:
    return frozenset(topic for topic, its, _ in rows if its == level) or NONE


def _with(names: frozenset[str], name: str, wanted: bool) -> frozenset[str]:
    return (names | {name} if wanted else names - {name}) or NONE


NO_SUBSCRIPTIONS = Subscriptions({})
