"""Events as an inbox reads them: what the rule needs of each, without its payload."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from notifications.models.event_topics import EventTopic
from notifications.models.events import Event
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


class InboxBatch(NamedTuple):
    """Events of an inbox, newest first; `end` is the position to read on from.

    `end` is None if there is nothing more to read.
    """

    events: list[InboxEvent]
    end: int | None


class View(enum.Enum):
    """Which of a person's rows there are to select from.

    The inbox has those that are not done.
    """

    INBOX = "inbox"
    SAVED = "saved"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events to show: those that match everything that is set.

    `kind` is that of the topics because of which the person has the event, and `query`
    a text in its title.
    """

    unread: bool = False
    event_type: str = ""
    topic: str = ""
    kind: str = ""
    query: str = ""
    view: View = View.INBOX

    @property
    def is_filtered(self) -> bool:
        """Whether it leaves out rows of its view, other than read ones."""
        return bool(self.event_type or self.topic or self.kind or self.query)


def read_events(keys: set[int]) -> list[InboxEvent]:
    """Return the events with these primary keys, in no order.

    Their topics are read apart: joined, each event would be converted once for each of
    its topics, which takes most of the time.
    """
    topics: dict[int, list[tuple[str, datetime | None]]] = {}
    addresses = EventTopic.objects.filter(event__in=keys).order_by("pk")
    for pk, topic, time in addresses.values_list("event", "topic", "already_told"):
        topics.setdefault(pk, []).append((topic, time))
    events = Event.objects.filter(pk__in=topics).values_list(
        "pk", "uid", "group", "position", "relayed", "type", "actor", "created"
    )
    return [_inbox_event(*event, topics=topics[event[0]]) for event in events]


def read_event(event: Event) -> InboxEvent:
    """Return an event that is loaded already; only its topics are read."""
    addresses = [(each.topic, each.already_told) for each in event.addresses.all()]
    return _inbox_event(
        event.pk,
        event.uid,
        event.group,
        event.position,
        event.relayed,
        event.type,
        event.actor_id,
        event.created,
        topics=addresses,
    )


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
