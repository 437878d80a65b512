"""The inbox as rows: one for each group of events, newest first.

It reads the database only, in a bounded number of queries per page.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self
from uuid import UUID

from notifications.inbox.row_topics import FollowedTopic, FollowedTopics
from notifications.models import (
    Actor,
    Event,
    Inbox,
    InboxEvent,
    SelectedRows,
    Selection,
    load_actors,
)
from notifications.protocol.cursor import Cursor
from notifications.publishing.event_types import EventType

PAGE_ROWS = 30
EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Row:
    """A group of events in a person's inbox.

    `event` is the newest event of the group, `unread` the number of unread events and
    `total` the number of all. `type_count` is how many of those that the row shows are
    of the type of `event`, and `others` says what else it shows, as "2 comments". `url`
    is the address of the first unread event, or else of `event`. `reasons` are the
    topics that the person follows, and `mutable_topics` those that they can mute.
    `newest` is the uid of the newest event of the group, which a filter may leave out.
    """

    event: Event
    unread: int
    total: int
    type_count: int
    others: tuple[str, ...]
    url: str
    reasons: tuple[FollowedTopic, ...]
    mutable_topics: tuple[FollowedTopic, ...]
    is_saved: bool
    newest: UUID

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
    selection: Selection = EVERYTHING,
    limit: int = PAGE_ROWS,
) -> InboxPage:
    """Return a page of an inbox, newest first, with at most `limit` rows.

    `before` is the cursor at which the previous page ended.
    """
    selected = SelectedRows(inbox, selection)
    newest, end = selected.page(
        before=None if before is None else before.position, limit=limit
    )
    following = "" if end is None else str(Cursor.from_position(end))
    return InboxPage(_rows(inbox, selected, newest), following)


def _rows(
    inbox: Inbox, selected: SelectedRows, found: list[InboxEvent]
) -> tuple[Row, ...]:
    groups = selected.of_groups(each.group for each in found)
    # All at once, since each new group takes a query.
    unread = {each.pk for each in inbox.unread(chain(found, *groups.values()))}
    parts = [_Group.of(each, groups[each.group], unread) for each in found]
    keys = {key for part in parts for key in (part.newest.pk, part.first.pk)}
    events = Event.objects.for_wire().in_bulk(keys)
    shown = [part for part in parts if part.newest.pk in events]
    newest = [events[part.newest.pk] for part in shown]
    load_actors(newest)
    followed = FollowedTopics(inbox, newest)
    return tuple(
        Row(
            event,
            unread=len(part.unread),
            total=len(part.events),
            type_count=max(part.types[event.type], 1),
            others=tuple(_others(part.types, but=event.type)),
            url=events.get(part.first.pk, event).payload.get("url", ""),
            reasons=followed.reasons(event),
            mutable_topics=followed.mutable_topics(event),
            is_saved=selected.is_saved(event.group),
            newest=part.events[0].uid,
        )
        for part, event in zip(shown, newest, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """The newest events of a group, newest first; `newest` is the one to show."""

    newest: InboxEvent
    events: list[InboxEvent]
    unread: list[InboxEvent]

    @classmethod
    def of(cls, newest: InboxEvent, events: list[InboxEvent], unread: set[int]) -> Self:
        # The row's own event counts, even if it is not among the newest of its group.
        both = events if newest in events else [newest, *events]
        return cls(newest, both, [each for each in both if each.pk in unread])

    @property
    def first(self) -> InboxEvent:
        """The first unread event, or else the one to show."""
        return self.unread[-1] if self.unread else self.newest

    @property
    def types(self) -> Counter[str]:
        """How many events of each type the row shows, newest types first."""
        return Counter(each.addressed.type for each in self.unread or self.events)


def _others(types: Counter[str], *, but: str) -> Iterator[str]:
    """Yield what people read for the events of a row that are of another type."""
    for name, count in types.items():
        if name != but:
            known = EventType.registry.get(name)
            yield known.count_text(count) if known else f"{name} ({count})"
