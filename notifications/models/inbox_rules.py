"""The rules of the inbox as SQL conditions on events: who is notified, what is read.

`live/connection.py` states the rule of who is notified in memory; a property test
compares the two.
"""

from typing import Any

from django.db import models
from django.db.models import Exists, Min, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from notifications.models.event_topics import EventTopic
from notifications.models.follows import Follow, FollowQuerySet, Level
from notifications.models.reading import ReadMark, ReadState
from notifications.models.times import now, truncate_to_milliseconds
from notifications.protocol import topics
from notifications.protocol.cursor import Cursor, milliseconds


def reaches(user: Any) -> Exists:
    """Match events that are addressed to everyone or to a topic the person follows.

    The follow must have begun before the event was relayed.
    """
    followed = _is_followed(Follow.objects.not_muted(), user, by=_relayed())
    everyone = _is_for_everyone(user, by="event__created")
    return Exists(_addresses().filter(followed | everyone, already_told=None))


def is_watched(user: Any) -> Exists:
    """Match events that are addressed to a topic the person watches."""
    watches = Follow.objects.filter(level=Level.WATCH)
    watched = _is_followed(watches, user, by=_relayed())
    return Exists(_addresses().filter(watched, already_told=None))


def is_already_told(user: Any) -> Exists:
    """Match events about which an earlier event notified the person already."""
    follows = Follow.objects.not_muted()
    followed = _is_followed(follows, user, by=OuterRef("already_told"))
    everyone = _is_for_everyone(user, by="already_told")
    return Exists(_addresses().filter(followed | everyone))


def is_muted(user: Any) -> Exists:
    """Match events that are addressed to a topic the person muted."""
    muted = Follow.objects.filter(user=user, level=Level.MUTE).values("topic")
    return Exists(_addresses().filter(topic__in=muted))


def is_unread(user: Any, state: ReadState) -> Q:
    """Match events that the person has not read; see ReadMark."""
    marks = ReadMark.objects.filter(
        user=user, group=OuterRef("group"), version__gt=state.read_version
    )
    newer = Q(position__gt=state.read_up_to)
    read = Exists(marks.filter(up_to__gte=OuterRef("position")))
    return ~read & (newer | Exists(marks))


def first_position(user: Any, follows: FollowQuerySet) -> int:
    """Return a position; no event before it can be in the person's inbox."""
    joined = getattr(user, "date_joined", None)
    first_follow = follows.aggregate(first=Min("created"))["first"]
    if joined is None or first_follow is None:
        return 0
    return Cursor(milliseconds(min(joined, first_follow)), 0).position


def _addresses() -> models.QuerySet[EventTopic]:
    """Return the topics of the event that a condition looks at."""
    return EventTopic.objects.filter(event=OuterRef("pk"))


def _relayed() -> Coalesce:
    """Return when the event of an address was relayed; now, if it is pending."""
    return Coalesce(OuterRef("event__relayed"), Value(now()))


def _is_followed(follows: FollowQuerySet, user: Any, *, by: Any) -> Exists:
    """Match addresses whose topic the person followed at the time `by`."""
    of_topic = follows.filter(user=user, topic=OuterRef("topic"))
    return Exists(of_topic.filter(created__lte=by))


def _is_for_everyone(user: Any, *, by: str) -> Q:
    """Match the address of everyone, if the person had joined at the time `by`."""
    joined = getattr(user, "date_joined", None)
    if joined is None:
        return Q(topic=topics.EVERYONE, **{f"{by}__isnull": False})
    since = truncate_to_milliseconds(joined)
    return Q(topic=topics.EVERYONE, **{f"{by}__gte": since})
