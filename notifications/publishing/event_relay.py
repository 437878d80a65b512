"""Relays events: appends them to the log, and marks their rows as relayed."""

from notifications.log.stream import shared_log
from notifications.models import Event, EventQuerySet, EventTopic
from notifications.publishing.set_aside import encode_events, read_events

# At most this many overdue events are relayed together with a new one.
OVERDUE_LIMIT = 100
# Overdue events are looked for only while at most this many events are pending.
PENDING_LIMIT = 500


def relay_events(events: EventQuerySet) -> list[Event]:
    """Append events to the log, mark them as relayed, and return them in order.

    Events that cannot be encoded are set aside. Raises LogUnavailable, and the events
    stay pending then. Relaying again is harmless: the log takes each uid only once.
    """
    rows = read_events(events)
    start = 0
    for index, row in enumerate(rows):
        # Its `already_told` needs the time when the events before it were relayed.
        if row.already_told:
            _relay_rows(rows[start:index])
            row.correct_already_told()
            start = index
    _relay_rows(rows[start:])
    return rows


def _relay_rows(rows: list[Event]) -> None:
    encoded = encode_events(rows)
    cursors = shared_log().append([(str(row.uid), body) for row, body in encoded])
    for (row, _), cursor in zip(encoded, cursors, strict=True):
        row.mark_relayed(cursor)
    Event.objects.save_relayed([row for row, _ in encoded])


def overdue(pks: list[int]) -> list[int]:
    """Return the keys of earlier pending events with a topic of these events.

    The process that recorded them died or did not reach Redis. They are relayed first,
    so that the events of a topic keep their order. After a long outage there are too
    many; these are left to the sweep, and new events do not wait for them.
    """
    # Both queries read a bounded number of rows by index, however many are pending.
    earlier = Event.objects.pending().filter(pk__lt=min(pks))
    pending = list(earlier.values_list("pk", flat=True)[: PENDING_LIMIT + 1])
    if not pending or len(pending) > PENDING_LIMIT:
        return []
    topics = EventTopic.objects.filter(event__in=pks).values("topic")
    found = EventTopic.objects.filter(event__in=pending, topic__in=topics)
    overdue = {*found.values_list("event", flat=True)}
    return list(overdue) if len(overdue) <= OVERDUE_LIMIT else []
