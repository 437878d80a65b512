"""Set aside: a row that cannot be relayed is marked with the reason, the rest goes on.

It is no longer pending, and in no inbox. Clearing its `failure` makes it pending again.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from django.db.models import QuerySet

from notifications import databases
from notifications.exceptions import UnreadableEntry, shorten
from notifications.lib.log_throttle import RateLimitFilter
from notifications.models import (
    Control,
    Event,
    EventQuerySet,
    load_actors,
    site_language,
)
from notifications.protocol import entries
from notifications.publishing.event_entries import encode_event

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# What reading or writing invalid JSON raises.
JSON_ERRORS = (
    msgspec.MsgspecError,
    OverflowError,
    RecursionError,
    TypeError,
    UnreadableEntry,
    ValueError,
)


def read_events(events: EventQuerySet) -> list[Event]:
    """Return events with what their entries need; set aside those that are unreadable.

    The database may have JSON that Python cannot read, such as too many levels.
    """
    with suppress(*JSON_ERRORS):
        return list(events.for_wire())
    found: list[Event] = []
    for key in events.values_list("pk", flat=True):
        try:
            found += Event.objects.filter(pk=key).for_wire()
        except JSON_ERRORS as error:
            _set_aside_event(key, error)
    return found


def encode_events(events: Sequence[Event]) -> list[tuple[Event, bytes]]:
    """Return events with their entries; set aside those that have no valid entry."""
    # Everyone gets the same bytes, whoever's request relays them.
    with site_language():
        load_actors(events)
    encoded = []
    for event in events:
        try:
            encoded.append((event, entries.verified(encode_event(event))))
        except JSON_ERRORS as error:
            _set_aside_event(event.pk, error)
    return encoded


def read_controls(
    controls: QuerySet[Control],
) -> list[tuple[Control, entries.OutboxEntry]]:
    """Return control entries and what they say; set aside unreadable ones."""
    found = []
    for row in controls:
        try:
            found.append((row, entries.decode_outbox(bytes(row.body))))
        except UnreadableEntry as error:
            Control.objects.filter(pk=row.pk).update(failure=str(error))
            logger.error("control=set_aside uid=%s %s", row.uid, error)
    return found


def refuse_event(event: Event, error: Exception) -> None:
    """Keep an event that could not be recorded, or amended, with the reason."""
    reason = shorten(str(error))
    with databases.atomic():
        if event._state.adding:
            event.save()
        Event.objects.filter(pk=event.pk).set_aside(reason)
    logger.error(
        "event=refused type=%s source=%s reason=%s", event.type, event.source, reason
    )


def _set_aside_event(key: int, error: Exception) -> None:
    row = Event.objects.filter(pk=key)
    found = row.values_list("type", "uid").first()
    # It may have been retracted meanwhile.
    if found is None:
        return
    name, uid = found
    reason = shorten(str(error) or type(error).__name__)
    with databases.atomic():
        row.set_aside(reason)
    logger.error("event=set_aside uid=%s type=%s reason=%s", uid, shorten(name), reason)
