"""Retraction: an event is removed for everyone, in the transaction that asks for it.

Its row goes, and a control entry without its payload tells open streams and replays.
"""

import uuid

from notifications import databases
from notifications.exceptions import InvalidValue
from notifications.models import Event, EventQuerySet
from notifications.models.removal import remove_events
from notifications.publishing import outbox
from notifications.publishing.event_entries import retract_entry


def retract(event: Event | uuid.UUID | str) -> bool:
    """Remove an event, given as its row or its uid; tell whether it existed.

    It leaves inboxes, unseen counts, replays and open pages when the current
    transaction commits. An event that was not relayed yet is never sent. Raises
    InvalidValue for a text that is not a uid.
    """
    uid = event.uid if isinstance(event, Event) else event
    try:
        found = Event.objects.filter(uid=uuid.UUID(str(uid)))
    except ValueError:
        raise InvalidValue(uid, expected="an event, or the uid of one") from None
    alias = event._state.db if isinstance(event, Event) else None
    aliases = [databases.alias_near(alias)] if alias else databases.recorded_aliases()
    return any(_retract_in(each, found) for each in aliases)


def _retract_in(alias: str, events: EventQuerySet) -> bool:
    with databases.write_path(alias):
        return retract_events(events) > 0


def retract_events(events: EventQuerySet) -> int:
    """Remove these events as `retract` does; return how many there were."""
    alias = databases.write_alias()
    with databases.atomic(alias, savepoint=False):
        # Locked, so that a relay in another process has marked them or will find none.
        found = events.using(alias).select_for_update().defer("payload")
        rows = list(found.order_by("pk").prefetch_related("addresses"))
        if rows:
            outbox.record_controls(map(retract_entry, _known(rows)))
            remove_events([event.pk for event in rows], using=alias)
    return len(rows)


def _known(events: list[Event]) -> list[Event]:
    """Return the events that anyone may have been sent.

    These are not those that the same transaction recorded, nor those set aside.
    """
    recorded = outbox.uids_of_transaction()
    return [each for each in events if each.uid not in recorded and not each.failure]
