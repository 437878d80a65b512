"""The clock of the rows."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the time in whole milliseconds, as the log's cursors have it."""
    return whole(timezone.now())


def whole(time: datetime) -> datetime:
    """Return a time cut to whole milliseconds, to be compared with `now`."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
