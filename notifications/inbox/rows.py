"""The inbox as rows: one a group of events, newest first, with why one is told.

It reads the database alone, a fixed number of queries a page.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _

from notifications.conf import conf
from notifications.models import Event, EventQuerySet, Follow
from notifications.protocol import topics
from notifications.protocol.cursor import Cursor
from notifications.publishing.followables import labels_of

PAGE_ROWS = 30


@dataclass(frozen=True, slots=True)
class FollowedTopic:
    """Why a person is told of an event: what they follow, and at which level."""

    topic: str
    level: str
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """A group of events in somebody's inbox.

    `event` is the newest of them, `unread` how many are not read, `total` how many
    there are. `reasons` say why one is told of it; `mutable` are topics to mute.
    """

    event: Event
    unread: int
    total: int
    reasons: tuple[FollowedTopic, ...]
    mutable: tuple[FollowedTopic, ...] = ()

    @property
    def read(self) -> bool:
        """Whether all of it is read."""
        return not self.unread

    @property
    def count(self) -> int:
        """How many events the row stands for: the unread ones, or else all."""
        return self.unread or self.total

    @property
    def cursor(self) -> str:
        """Where the row stands in the inbox."""
        return str(Cursor.from_position(self.event.position))

    def wire(self) -> dict[str, Any]:
        """Return the row as JSON has it: the newest event, and what the row adds."""
        return {
            **self.event.wire(),
            "read": self.read,
            "count": self.count,
            "total": self.total,
            "cursor": self.cursor,
            "why": [
                {"topic": each.topic, "level": each.level, "label": each.label}
                for each in self.reasons
            ],
        }


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Some rows, and the cursor to go on from when there are more."""

    rows: tuple[Row, ...]
    next: str = ""


def inbox_page(
    user: Any,
    *,
    before: Cursor | None = None,
    unread: bool = False,
    event_type: str = "",
    limit: int = PAGE_ROWS,
) -> InboxPage:
    """Return what a person was told of, newest first.

    `before` is the cursor of the row to go on after; only what is `unread` or of one
    `event_type` is shown, if that is asked for. At most `limit` rows come back.
    """
    events = Event.objects.unread(user) if unread else Event.objects.inbox(user)
    if event_type:
        events = events.filter(type=event_type)
    newest = events.newest_of_groups(newer=events)
    if before is not None:
        newest = newest.filter(position__lt=before.position)
    found = list(newest.for_wire()[: limit + 1])
    rows = _rows(user, found[:limit], events)
    more = rows and len(found) > limit
    return InboxPage(rows, rows[-1].cursor if more else "")


def _rows(user: Any, newest: list[Event], events: EventQuerySet) -> tuple[Row, ...]:
    groups = [event.group for event in newest]
    total = _sizes(events, groups)
    unread = _sizes(Event.objects.unread(user), groups)
    follows = _FollowedTopics(user, newest)
    return tuple(
        Row(
            event,
            unread=unread.get(event.group, 0),
            total=total.get(event.group, 1),
            reasons=follows.reasons(event),
            mutable=follows.mutable(event),
        )
        for event in newest
    )


def _sizes(events: EventQuerySet, groups: list[str]) -> dict[str, int]:
    found = events.filter(group__in=groups).order_by().values("group")
    return {each["group"]: each["size"] for each in found.annotate(size=Count("pk"))}


class _FollowedTopics:
    """What a person follows of the topics of some events."""

    def __init__(self, user: Any, events: Iterable[Event]) -> None:
        names = {topic for event in events for topic in event.topics}
        self._levels = dict(
            Follow.objects.not_muted()
            .filter(user=user, topic__in=names)
            .values_list("topic", "level")
        )
        visible = {name for name in names if conf.AUTHORIZE(user, name)}
        self._labels = defaultdict(lambda: "", labels_of(visible))

    def reasons(self, event: Event) -> tuple[FollowedTopic, ...]:
        """Return why the person is told of an event."""
        if topics.EVERYONE in event.topics:
            return (
                FollowedTopic(topics.EVERYONE, "", _("Everybody is told of this.")),
            )
        return tuple(
            FollowedTopic(topic, self._levels[topic], self._labels[topic] or topic)
            for topic in event.topics
            if topic in self._levels
        )

    def mutable(self, event: Event) -> tuple[FollowedTopic, ...]:
        """Return what of its topics a person can mute: those that stand for a thing."""
        return tuple(
            FollowedTopic(topic, self._levels.get(topic, ""), self._labels[topic])
            for topic in event.topics
            if self._labels[topic]
        )
