"""The outbox backlog: how many rows wait to be relayed, and since when."""

from dataclasses import dataclass
from datetime import datetime

from notifications.models import Control, Event

# Counted up to this number, since a long outage may leave millions.
LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of pending rows, at most LIMIT, and when the oldest was recorded."""

    count: int
    oldest: datetime | None


def outbox_backlog() -> Backlog:
    """Return the backlog: events and control entries that are not in the log yet."""
    events = Event.objects.pending()
    controls = Control.objects.order_by("pk")
    found = [
        rows.values_list("created", flat=True).first() for rows in (events, controls)
    ]
    times = [each for each in found if each is not None]
    if not times:
        return Backlog(0, None)
    count = events[:LIMIT].count() + controls[:LIMIT].count()
    return Backlog(min(count, LIMIT), min(times))
