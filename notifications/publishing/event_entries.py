"""The entry of an event for the log, made from its row."""

import msgspec

from notifications.models import Event
from notifications.protocol import entries
from notifications.protocol.cursor import milliseconds


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
