"""What a site's own tests need of the app."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from notifications.models import Event
from notifications.signals import event_recorded


@contextmanager
def recorded_events() -> Iterator[list[Event]]:
    """Collect the events that are recorded in the block, committed or not.

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
    finally:
        event_recorded.disconnect(collect)
