"""Helpers for the tests of a site."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from notifications.models import Event
from notifications.signals import event_recorded


@contextmanager
def recorded_events() -> Iterator[list[Event]]:
    """Collect the events that are recorded in the block, committed or not.

    After the block, the events are as in the database; events that were rolled back are
    left out.

    with recorded_events() as events:
        Comment.objects.create(...)
    assert [event.type for event in events] == ["new_comment"]
    """
    events: list[Event] = []

    def collect(event: Event, **signal: Any) -> None:
        events.append(event)

    event_recorded.connect(collect)
    try:
        yield events
        # By uid, since the database may use the key of a rolled back row again.
        uids = [event.uid for event in events]
        found = Event.objects.in_bulk(uids, field_name="uid")
        events[:] = [found[uid] for uid in uids if uid in found]
    finally:
        event_recorded.disconnect(collect)
