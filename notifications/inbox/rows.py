"""The inbox as rows: one for each group of events, newest first.

It reads the database only, in a bounded number of queries per page.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from notifications.models import (
    Actor,
    Event,
    Inbox,
    InboxEvent,
    Level,
    Selection,
    load_actors,
)
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
    def actor(self) -> Actor | None:
        """Who caused the newest event, as others see them."""
        return self.event.shown_actor

    @property
    def read(self) -> bool:
        """Whether all events of the row are read."""
        return not self.unread

    @property
    def count(self) -> int:
        """How many events the row shows: the unread ones, or all if none is unread."""
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
    inbox: Inbox,
    *,
    before: Cursor | None = None,
    unread: bool = False,
    event_type: str = "",
    limit: int = PAGE_ROWS,
) -> InboxPage:
    """Return a page of an inbox, newest first, with at most `limit` rows.

    `before` is the cursor at which the previous page ended. `unread` and `event_type`
    select rows.
    """
    newest, end = inbox.page(
        before=None if before is None else before.position,
        selection=Selection(unread, event_type),
        limit=limit,
    )
    following = "" if end is None else str(Cursor.from_position(end))
    return InboxPage(_rows(inbox, newest), following)


def _rows(inbox: Inbox, found: list[InboxEvent]) -> tuple[Row, ...]:
    events = Event.objects.for_wire().in_bulk([each.pk for each in found])
    newest = [events[each.pk] for each in found if each.pk in events]
    load_actors(newest)
    total, unread = inbox.group_sizes(event.group for event in newest)
    # The row's own event counts, even if it is not among the newest of its group.
    unread_rows = {each.pk for each in inbox.unread(found)}
    followed = _FollowedTopics(inbox, newest)
    return tuple(
        Row(
            event,
            unread=max(unread[event.group], int(event.pk in unread_rows)),
            total=max(total[event.group], 1),
            reasons=followed.reasons(event),
            mutable_topics=followed.mutable_topics(event),
        )
        for event in newest
    )


class _FollowedTopics:
    """The topics of some events, with a person's levels and the labels to show."""

    def __init__(self, inbox: Inbox, events: Iterable[Event]) -> None:
        names = {topic for event in events for topic in event.topics}
        self._levels = {
            topic: level
            for topic, level in inbox.levels.items()
            if topic in names
            and level != Level.MUTE
            and inbox.permissions.may_see(topic)
        }
        visible = {name for name in names if inbox.permissions.may_see(name)}
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
