"""Subscriptions: what a person follows, and which events notify them. No I/O.

`inbox/recipients.py` states the same rule in SQL, for all people at once; a property
test compares the two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from notifications.protocol.topics import EVERYONE

MUTE, WATCH = "mute", "watch"
# Shared, since each empty set would take 200 bytes.
NONE: frozenset[str] = frozenset()


class Span(NamedTuple):
    """From one moment until another, exclusive, in milliseconds since 1970."""

    start: int
    end: int


NO_SPANS: Mapping[str, Span] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Addressed:
    """What the rule needs of an event; times are in milliseconds since 1970.

    `relayed` is when the event was relayed: follows count that existed then. `created`
    is when it was recorded: accounts count that existed then. An earlier event about
    the same object was relayed to the followers of the topics in `already_told`, each
    with the time of that event.
    """

    type: str
    topics: tuple[str, ...]
    relayed: int
    created: int
    actor: str = ""
    already_told: Mapping[str, int] = field(default_factory=dict)

    @property
    def all_topics(self) -> tuple[str, ...]:
        """The topics of this event and of the earlier ones."""
        return (*self.topics, *self.already_told)


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What a person follows, and how they want to be notified.

    `followed_since` gives the time of each follow in milliseconds since 1970; of those
    topics, the `watched` ones bring events of every type. Events of a `not_live` type
    are sent live only for watched topics, and events of an `off` type are in the inbox
    only for those. `joined` is when the account was made; None for an anonymous
    client, who is not notified about announcements to everyone.

    `muted_for` has the topics that are muted for a time: what was relayed in that time
    is muted for good, and all else is not. So nothing has to happen when it ends.
    """

    followed_since: Mapping[str, int]
    muted: frozenset[str] = NONE
    watched: frozenset[str] = NONE
    not_live: frozenset[str] = NONE
    off: frozenset[str] = NONE
    joined: int | None = None
    muted_for: Mapping[str, Span] = field(default_factory=lambda: NO_SPANS)

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[str, str, int]],
        *,
        not_live: Iterable[str] = (),
        off: Iterable[str] = (),
        joined: int | None = None,
        muted_for: Mapping[str, Span] = NO_SPANS,
    ) -> "Subscriptions":
        """Return the subscriptions for rows of a topic, its level and its time.

        A topic in `muted_for` is muted in that time only, whatever its level.
        """
        follows = list(rows)
        return cls(
            {topic: since for topic, level, since in follows if level != MUTE},
            _at(MUTE, follows) - muted_for.keys() or NONE,
            _at(WATCH, follows),
            frozenset(not_live) or NONE,
            frozenset(off) or NONE,
            joined,
            muted_for or NO_SPANS,
        )

    def notifies(self, event: Addressed, *, user: str, live: bool = False) -> bool:
        """Tell whether an event is in the inbox of this person, or sent to them `live`.

        `user` is the person's primary key as text.
        """
        if event.actor == user or self.mutes(event):
            return False
        if not any(self.follows(event, topic) for topic in event.topics):
            return False
        unwanted = event.type in (self.not_live if live else self.off)
        if unwanted and not self.watches(event):
            return False
        return not self.was_already_told(event)

    def follows(self, event: Addressed, topic: str) -> bool:
        """Tell whether a topic of an event brings it to this person."""
        everyone = topic == EVERYONE and self._had_joined(event.created)
        return everyone or self._followed(topic, by=event.relayed)

    def watches(self, event: Addressed) -> bool:
        """Tell whether a topic that this person watches brings them an event."""
        watched = self.watched.intersection(event.topics)
        return any(self._followed(topic, by=event.relayed) for topic in watched)

    def mutes(self, event: Addressed) -> bool:
        """Tell whether this person has muted a topic of an event."""
        return self.mutes_any(event.all_topics, event.relayed)

    @property
    def ever_muted(self) -> frozenset[str]:
        """The topics that are muted, for good or for a time."""
        return self.muted.union(self.muted_for) if self.muted_for else self.muted

    def mutes_any(self, topics: Iterable[str], moment: int) -> bool:
        """Tell whether one of these topics was muted then."""
        if not (self.muted or self.muted_for):
            return False
        return any(self.is_muted(topic, moment) for topic in topics)

    def is_muted(self, topic: str, moment: int) -> bool:
        """Tell whether a topic was muted at a moment, in milliseconds since 1970."""
        if topic in self.muted:
            return True
        span = self.muted_for.get(topic)
        return span is not None and span.start <= moment < span.end

    def was_already_told(self, event: Addressed) -> bool:
        """Tell whether an earlier event notified this person about the same object."""
        return any(
            self._followed(topic, by=time)
            or (topic == EVERYONE and self._had_joined(time))
            for topic, time in event.already_told.items()
        )

    def _had_joined(self, time: int) -> bool:
        return self.joined is not None and self.joined <= time

    def _followed(self, topic: str, *, by: int) -> bool:
        since = self.followed_since.get(topic)
        return since is not None and since <= by

    def changed(
        self, topic: str, level: str, since: int, muted_for: Span | None = None
    ) -> "Subscriptions":
        """Return the subscriptions after a change of a follow.

        An empty level means that the follow ended. `muted_for` is when it is muted, if
        that is for a time.
        """
        spans = {name: span for name, span in self.muted_for.items() if name != topic}
        if muted_for is not None:
            spans[topic] = muted_for
        followed_since = {**self.followed_since}
        followed_since.pop(topic, None)
        if level and level != MUTE:
            followed_since[topic] = since
        return replace(
            self,
            followed_since=followed_since,
            muted=_with(self.muted, topic, level == MUTE and muted_for is None),
            watched=_with(self.watched, topic, level == WATCH),
            muted_for=spans or NO_SPANS,
        )

    def without(self, topics: Iterable[str]) -> "Subscriptions":
        """Return the subscriptions without the follows of some topics.

        Mutes stay: they never bring an event.
        """
        refused = frozenset(topics)
        if refused.isdisjoint(self.followed_since):
            return self
        followed = self.followed_since.items()
        return replace(
            self,
            followed_since={name: at for name, at in followed if name not in refused},
            watched=self.watched - refused or NONE,
        )

    def with_type(self, event_type: str, *, live: bool) -> "Subscriptions":
        """Return the subscriptions with the events of a type sent live, or not."""
        return replace(self, not_live=_with(self.not_live, event_type, not live))


def _at(level: str, rows: Iterable[tuple[str, str, int]]) -> frozenset[str]:
    return frozenset(topic for topic, its, _ in rows if its == level) or NONE


def _with(names: frozenset[str], name: str, wanted: bool) -> frozenset[str]:
    return (names | {name} if wanted else names - {name}) or NONE


NO_SUBSCRIPTIONS = Subscriptions({})
