"""The entry of an event for the log, made from its row."""

from collections.abc import Sequence

import msgspec

from notifications.models import Event, load_actors, site_language
from notifications.protocol import entries
from notifications.protocol.cursor import milliseconds


def encode_events(events: Sequence[Event]) -> list[tuple[str, bytes]]:
    """Return the uid and the bytes of each event's entry."""
    # Everyone gets the same bytes, whoever's request relays them.
    with site_language():
        load_actors(events)
    return [(str(event.uid), encode_event(event)) for event in events]


def encode_event(event: Event) -> bytes:
    """Return the bytes of an event's entry."""
    entry = entries.EventEntry(
        uid=str(event.uid),
        type=event.type,
        topics=tuple(event.topics),
        data=msgspec.json.encode(event.wire()).decode(),
        actor="" if event.actor_id is None else str(event.actor_id),
        already_told={
            topic: milliseconds(time) for topic, time in event.already_told.items()
        },
    )
    return entries.encode(entry)
