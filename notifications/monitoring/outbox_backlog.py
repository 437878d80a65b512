"""The outbox backlog: how many rows wait to be relayed, and how many cannot."""

from dataclasses import dataclass
from datetime import datetime

from notifications import databases
from notifications.models import Control, Event

# Counted up to this number, since a long outage may leave millions.
LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of pending rows, at most LIMIT, and when the oldest was recorded.

    `failed` is the number of rows that were set aside, at most LIMIT.
    """

    count: int
    oldest: datetime | None
    failed: int = 0


def outbox_backlog() -> Backlog:
    """Return the backlog: events and control entries that are not in the log yet."""
    found = [*map(_backlog_of, databases.recorded_aliases())]
    times = [each.oldest for each in found if each.oldest is not None]
    return Backlog(
        min(sum(each.count for each in found), LIMIT),
        min(times, default=None),
        min(sum(each.failed for each in found), LIMIT),
    )


def _backlog_of(alias: str) -> Backlog:
    with databases.write_path(alias):
        return _backlog()


def _backlog() -> Backlog:
    events = Event.objects.pending()
    controls = Control.objects.pending()
    found = [
        rows.values_list("created", flat=True).first() for rows in (events, controls)
    ]
    times = [each for each in found if each is not None]
    count = events[:LIMIT].count() + controls[:LIMIT].count() if times else 0
    return Backlog(min(count, LIMIT), min(times, default=None), _count_failed())


def _count_failed() -> int:
    failed = [rows.exclude(failure="") for rows in (Event.objects, Control.objects)]
    return min(sum(rows[:LIMIT].count() for rows in failed), LIMIT)
