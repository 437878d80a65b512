"""The clock for the times in rows."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the current time in whole milliseconds, the precision of cursors."""
    return truncate_to_milliseconds(timezone.now())


def truncate_to_milliseconds(time: datetime) -> datetime:
    """Return a time without its microseconds, to compare it with times of `now`."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
