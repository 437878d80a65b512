"""Changes the preferences of a person, as a form or a script sends them."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from notifications import databases
from notifications.exceptions import InvalidValue
from notifications.models import Delivery, Preference, Schedule
from notifications.protocol.sse import PRESENCE
from notifications.publishing.event_types import EventType
from notifications.publishing.presence import set_hidden

SHOWN, HIDDEN = "shown", "hidden"


@databases.atomic()
def change_preferences(user: Any, fields: Mapping[str, str]) -> None:
    """Change the preferences that are among the fields; the others stay.

    Fields: `<event type>=live|inbox|off`, `presence=shown|hidden`, the name of a
    `time_zone`, and `quiet_from` and `quiet_until`, two times of the day or two empty
    texts. `browser_time_zone` counts for a person who has none. Raises InvalidValue, or
    a ValidationError for times and time zones, and changes nothing then.
    """
    for name in EventType.with_rows():
        if name in fields:
            delivery = _one_of(Delivery.values, name, fields)
            Preference.objects.set(user, name, delivery)
    if PRESENCE in fields:
        shown = _one_of([SHOWN, HIDDEN], PRESENCE, fields)
        set_hidden(user, shown == HIDDEN)
    if schedule := _schedule(fields):
        Schedule.objects.change(user, **schedule)
    if zone := fields.get("browser_time_zone"):
        Schedule.objects.suggest_zone(user, zone)


def _one_of(values: list[str], name: str, fields: Mapping[str, str]) -> str:
    if fields[name] not in values:
        expected = f"{', '.join(values[:-1])} or {values[-1]} as {name}"
        raise InvalidValue(fields[name], expected=expected)
    return fields[name]


def _schedule(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of the person's schedule that change."""
    schedule = {}
    if "time_zone" in fields:
        schedule["time_zone"] = fields["time_zone"]
    if "quiet_from" in fields and "quiet_until" in fields:
        hours = f"{fields['quiet_from']}-{fields['quiet_until']}"
        schedule["quiet_hours"] = "" if hours == "-" else hours
    return schedule


@cache
def time_zones() -> list[str]:
    """Return the names of the time zones to choose from: those of places, and UTC."""
    places = {name for name in available_timezones() if "/" in name}
    return ["UTC", *sorted(name for name in places if not name.startswith("Etc/"))]
