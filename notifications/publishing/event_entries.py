"""The entries of an event for the log, made from its row."""

import uuid
from typing import Any

import msgspec

from notifications.models import Event
from notifications.protocol import entries
from notifications.protocol.cursor import milliseconds


def encode_event(event: Event) -> bytes:
    """Return the bytes of an event's entry."""
    data = msgspec.json.encode(event.wire()).decode()
    entry = entries.EventEntry(uid=str(event.uid), data=data, **_routed_by(event))
    return entries.encode(entry)


def retract_entry(event: Event) -> entries.RetractEntry:
    """Return the entry that retracts an event."""
    return entries.RetractEntry(
        uid=str(uuid.uuid4()),
        event=str(event.uid),
        cursor=event.cursor,
        **_routed_by(event),
    )


def _routed_by(event: Event) -> dict[str, Any]:
    """Return the fields by which an entry finds the streams that it is for."""
    return {
        "type": event.type,
        "topics": tuple(event.topics),
        "actor": "" if event.actor_id is None else str(event.actor_id),
        "row": entries.row_key(event.group),
        "already_told": {
            topic: milliseconds(time) for topic, time in event.already_told.items()
        },
    }
