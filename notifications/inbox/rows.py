"""The inbox as rows: one for each group of events, newest first.

It reads the database only, in a fixed number of queries per page.
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
    """A topic of an event, and the level at which the person follows it, if they do."""

    topic: str
    level: str
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """A group of events in a person's inbox.

    `event` is the newest event of the group, `unread` the number of unread events and
    `total` the number of all. `reasons` are the topics that the person follows, and
    `mutable_topics` those that they can mute.
    """

    event: Event
    unread: int
    total: int
    reasons: tuple[FollowedTopic, ...]
    mutable_topics: tuple[FollowedTopic, ...] = ()

    @property
    def read(self) -> bool:
        """Whether all events of the row are read."""
        return not self.unread

    @property
    def count(self) -> int:
        """How many events the row stands for: the unread ones, or all if none is."""
        return self.unread or self.total

    @property
    def cursor(self) -> str:
        """The position of the row in the inbox, to read on from."""
        return str(Cursor.from_position(self.event.position))

    def wire(self) -> dict[str, Any]:
        """Return the row as JSON has it: the newest event and the row's own fields."""
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
    """The rows of a page; `next` is the cursor to read on from, empty at the end."""

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
    """Return a page of a person's inbox, newest first, with at most `limit` rows.

    `before` is the cursor of the last row of the previous page. `unread` and
    `event_type` select rows.
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
    total = _group_sizes(events, groups)
    unread = _group_sizes(Event.objects.unread(user), groups)
    followed = _FollowedTopics(user, newest)
    return tuple(
        Row(
            event,
            unread=unread.get(event.group, 0),
            total=total.get(event.group, 1),
            reasons=followed.reasons(event),
            mutable_topics=followed.mutable_topics(event),
        )
        for event in newest
    )


def _group_sizes(events: EventQuerySet, groups: list[str]) -> dict[str, int]:
    found = events.filter(group__in=groups).order_by().values("group")
    return {each["group"]: each["size"] for each in found.annotate(size=Count("pk"))}


class _FollowedTopics:
    """The topics of some events, with a person's levels and the labels to show."""

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
        """Return the topics that put an event into the person's inbox."""
        if topics.EVERYONE in event.topics:
            return (FollowedTopic(topics.EVERYONE, "", _("Sent to everyone")),)
        return tuple(
            FollowedTopic(topic, self._levels[topic], self._labels[topic] or topic)
            for topic in event.topics
            if topic in self._levels
        )

    def mutable_topics(self, event: Event) -> tuple[FollowedTopic, ...]:
        """Return the topics that the person can mute: those that have a label."""
        return tuple(
            FollowedTopic(topic, self._levels.get(topic, ""), self._labels[topic])
            for topic in event.topics
            if self._labels[topic]
        )
