"""What waits in the outbox, counted for people to look at."""

from dataclasses import dataclass
from datetime import datetime

from notifications.models import Control, Event

# Counted up to here, since a long outage may leave millions.
LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Pending:
    """How many rows wait, at most LIMIT, and since when the oldest does."""

    count: int
    oldest: datetime | None


def pending() -> Pending:
    """Return what is in the outbox and not in the log yet, events and controls."""
    events = Event.objects.pending()
    controls = Control.objects.order_by("pk")
    found = [
        rows.values_list("created", flat=True).first() for rows in (events, controls)
    ]
    times = [each for each in found if each is not None]
    if not times:
        return Pending(0, None)
    count = events[:LIMIT].count() + controls[:LIMIT].count()
    return Pending(min(count, LIMIT), min(times))
