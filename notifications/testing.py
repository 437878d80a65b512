"""What a site's own tests need of the app."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from notifications.models import Event
from notifications.signals import event_recorded


@contextmanager
def recorded_events() -> Iterator[list[Event]]:
    """Collect the events that are recorded in the block, committed or not.

    At its end they say what has become of them; those rolled back are left out.

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
        found = Event.objects.in_bulk([event.pk for event in events])
        events[:] = [found[event.pk] for event in events if event.pk in found]
    finally:
        event_recorded.disconnect(collect)
