"""A person's own time: their time zone, and the hours in which they want quiet."""

import re
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", re.ASCII)
MAX_ZONE_LENGTH = 64


class PersonalTime(NamedTuple):
    """A person's time zone and quiet hours, such as `22:00-07:00`; both may be empty.

    The hours may go beyond midnight.
    """

    time_zone: str = ""
    quiet_hours: str = ""

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone; None if the person has none, or it no longer exists."""
        return find_zone(self.time_zone)


def find_zone(name: str) -> ZoneInfo | None:
    """Return a time zone of the IANA database by its name, or None."""
    # Names are paths below the folders of the database.
    if not name or len(name) > MAX_ZONE_LENGTH:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def validate_zone(value: str) -> None:
    """Raise ValidationError unless a value is the name of a time zone."""
    if find_zone(value) is None:
        raise ValidationError(_("There is no such time zone."))


def validate_hours(value: str) -> None:
    """Raise ValidationError unless a value is two different times of the day."""
    if not _HOURS.fullmatch(value) or value[:5] == value[6:]:
        raise ValidationError(_("Enter two different times, such as 22:00 and 07:00."))


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    """Schedules."""

    def change(self, user: Any, **fields: str) -> None:
        """Change some fields of a person's schedule; raise ValidationError."""
        schedule = self.filter(user=user).first() or self.model(user=user)
        for name, value in fields.items():
            setattr(schedule, name, value)
        schedule.clean_fields(exclude=["user"])
        self.update_or_create(user=user, defaults=fields)

    def suggest_zone(self, user: Any, name: str) -> None:
        """Keep a time zone for a person who has none; raise ValidationError."""
        validate_zone(name)
        self.get_or_create(user=user, defaults={"time_zone": name})
        self.filter(user=user, time_zone="").update(time_zone=name)


class Schedule(models.Model):
    """A person's time zone and quiet hours."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    time_zone = models.CharField(
        max_length=MAX_ZONE_LENGTH, blank=True, validators=[validate_zone]
    )
    quiet_hours = models.CharField(
        max_length=11, blank=True, validators=[validate_hours]
    )

    objects = ScheduleQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.user} {self.time_zone} {self.quiet_hours}"


def personal_time(user: Any) -> PersonalTime:
    """Return a person's time zone and quiet hours."""
    rows = Schedule.objects.filter(user=user)
    found = rows.values_list("time_zone", "quiet_hours").first()
    return PersonalTime(*found) if found else PersonalTime()
