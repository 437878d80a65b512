"""The clock for the times in rows."""

from datetime import datetime, timedelta

from django.utils import timezone

from notifications.protocol.log_clock import log_clock


def now() -> datetime:
    """Return the current time in whole milliseconds, the precision of cursors.

    It is that of the log, as far as this process knows it.
    """
    ahead = timedelta(milliseconds=log_clock().ahead)
    return truncate_to_milliseconds(timezone.now() + ahead)


def truncate_to_milliseconds(time: datetime) -> datetime:
    """Return a time without its microseconds, to compare it with times of `now`."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
