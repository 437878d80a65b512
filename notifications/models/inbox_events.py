"""Events as an inbox reads them: what the rule needs of each, without its payload."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from notifications.models.event_topics import EventTopic
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.protocol.subscriptions import Addressed


class InboxEvent(NamedTuple):
    """An event without its payload; `addressed` is what the rule needs of it."""

    pk: int
    uid: UUID
    group: str
    position: int
    relayed: bool
    addressed: Addressed


def read_events(keys: set[int]) -> list[InboxEvent]:
    """Return the events with these primary keys, in no order, by one query."""
    rows = EventTopic.objects.filter(event__in=keys).order_by("pk").values_list(
        "event", "event__uid", "event__group", "event__position", "event__relayed",
        "event__type", "event__actor", "event__created", "topic", "already_told",
    )  # fmt: skip
    topics: dict[tuple[Any, ...], list[tuple[str, datetime | None]]] = {}
    for *event, topic, already_told in rows:
        topics.setdefault(tuple(event), []).append((topic, already_told))
    return [_inbox_event(*event, topics=found) for event, found in topics.items()]


def _inbox_event(
    pk: int,
    uid: UUID,
    group: str,
    position: int,
    relayed: datetime | None,
    event_type: str,
    actor: Any,
    created: datetime,
    *,
    topics: list[tuple[str, datetime | None]],
) -> InboxEvent:
    addressed = Addressed(
        type=event_type,
        topics=tuple(topic for topic, time in topics if time is None),
        relayed=Cursor.from_position(position).milliseconds,
        created=milliseconds(created),
        actor="" if actor is None else str(actor),
        already_told={topic: milliseconds(time) for topic, time in topics if time},
    )
    return InboxEvent(pk, uid, group, position, relayed is not None, addressed)
