"""The clock of the rows."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the time in whole milliseconds, as the log's cursors have it."""
    time = timezone.now()
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
