"""Times as a person reads them: in their time zone, and as short as they are clear."""

from datetime import datetime, tzinfo

from django.utils import formats, timezone


def moment_text(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return a moment of the near future: the time, and the day unless it is today.

    `zone` is the person's time zone, by default the current one.
    """
    current = timezone.now()
    if timezone.is_aware(moment):
        moment, current = (timezone.localtime(each, zone) for each in (moment, current))
    time = formats.time_format(moment, "TIME_FORMAT")
    if moment.date() == current.date():
        return time
    return f"{formats.date_format(moment, 'MONTH_DAY_FORMAT')}, {time}"
