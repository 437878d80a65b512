"""What people read about a follow: the button at each level, and what a change did."""

from datetime import tzinfo
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.inbox.local_times import moment_text
from notifications.inbox.remembered_levels import offered_level
from notifications.models import (
    NO_LEVEL,
    FollowRow,
    Inbox,
    Level,
    TopicPermissions,
    level_of,
    paused_until,
    personal_time,
)
from notifications.publishing.follow_changes import FollowChange
from notifications.publishing.followables import labels_of

# For how long a topic can be muted: hours, and text.
MUTE_TIMES = (
    (1, gettext_lazy("1 hour")),
    (24, gettext_lazy("1 day")),
    (7 * 24, gettext_lazy("1 week")),
)


class Choice(NamedTuple):
    """A level in the menu: its label, and what it means.

    `state` is the text of the button at this level, and `action` what the button does
    then, which it shows instead while somebody points at it; empty if it is the same.
    """

    value: str
    label: Any
    state: Any
    action: Any
    help: Any


CHOICES = (
    Choice(
        Level.WATCH,
        gettext_lazy("Watch"),
        gettext_lazy("Watching"),
        gettext_lazy("Unfollow"),
        gettext_lazy("Get all notifications live, whatever your preferences are."),
    ),
    Choice(
        Level.FOLLOW,
        gettext_lazy("Follow"),
        gettext_lazy("Following"),
        gettext_lazy("Unfollow"),
        gettext_lazy("Get notifications according to your preferences."),
    ),
    Choice(
        Level.MUTE,
        gettext_lazy("Mute"),
        gettext_lazy("Muted"),
        gettext_lazy("Unmute"),
        gettext_lazy("Never be notified about this, whatever else you follow."),
    ),
    Choice(
        NO_LEVEL,
        gettext_lazy("Don't follow"),
        "",
        "",
        gettext_lazy("Only be notified through other things that you follow."),
    ),
)


def button_context(
    request: HttpRequest, topic: str, inbox: Inbox | None
) -> dict[str, Any]:
    """Return what the template of a follow button shows of a person's follow.

    `inbox` is the person's; None for nobody's.
    """
    row = inbox.follows.get(topic) if inbox else None
    zone = inbox.personal_time.zone if inbox else None
    level = level_of(row)
    other = offered_level(request, topic, level)
    if row is not None and paused_until(row) is not None:
        other = NO_LEVEL if row.level == Level.MUTE else row.level
    return {
        "level": level,
        "state": state_of(row, zone) or _choice(other).label,
        "action": _choice(level).action,
        "other": other,
        "choices": CHOICES,
    }


def state_of(row: FollowRow | None, zone: tzinfo | None) -> str:
    """Return the text of the button for a follow; empty if there is none.

    `zone` is the person's time zone.
    """
    until = paused_until(row)
    if until is not None:
        return _("Muted until %s") % moment_text(until, zone)
    return str(_choice(level_of(row)).state)


def notice_of(user: Any, change: FollowChange) -> str:
    """Return what a change did that takes notifications away; empty for another."""
    texts = {
        Level.MUTE: _("Muted %(name)s. You won't be notified about it."),
        NO_LEVEL: _("You no longer follow %(name)s."),
    }
    text = texts.get(change.level, "")
    if until := paused_until(change.after):
        text = _("Muted %(name)s until %(time)s. You won't be notified about it.")
    elif change.level == NO_LEVEL and change.level_before == Level.MUTE:
        text = _("You no longer mute %(name)s.")
    if not text:
        return ""
    time = moment_text(until, personal_time(user).zone) if until else ""
    return text % {"name": _label(user, change.topic), "time": time}


def _label(user: Any, topic: str) -> str:
    """Return the label of a topic; the topic itself for what the person may not see."""
    labels = labels_of([topic]) if TopicPermissions(user).may_see(topic) else {}
    return labels.get(topic, topic)


def _choice(level: str) -> Choice:
    [found] = [each for each in CHOICES if each.value == level]
    return found
