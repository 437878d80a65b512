"""Whom an event reaches: the rule of the inbox, asked from the event's side."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Exists, OuterRef, Q, QuerySet

from notifications.models import Delivery, Event, Follow, Level, Preference, now
from notifications.protocol.topics import EVERYONE


def recipients_of(event: Event) -> QuerySet[Any]:
    """Return the active people in whose inbox an event is."""
    found = recipients(
        event.topics,
        event_type=event.type,
        already_told=event.already_told,
        made=event.created,
        by=event.relayed,
    )
    return found.exclude(pk=event.actor_id)


def recipients(
    topics: Iterable[str],
    *,
    event_type: str,
    already_told: Mapping[str, datetime] | None = None,
    made: datetime | None = None,
    by: datetime | None = None,
) -> QuerySet[Any]:
    """Return the active people who are told of an event of this type to these topics.

    `told` names topics whose followers were told of the same before, and when. `made`
    is when the event was recorded and `by` the time up to which following counts;
    both are now, if nothing is said.
    """
    names, before = [*topics], already_told or {}
    follows = Follow.objects.not_muted().filter(created__lte=by or now())
    reached = Q(pk__in=follows.filter(topic__in=names).values("user"))
    if EVERYONE in names:
        reached |= _was_there(made or now())
    mine = Follow.objects.filter(user=OuterRef("pk"))
    muted = mine.filter(topic__in=[*names, *before], level=Level.MUTE)
    off = Preference.objects.filter(
        user=OuterRef("pk"), type=event_type, delivery=Delivery.OFF
    )
    watched = follows.filter(user=OuterRef("pk"), topic__in=names, level=Level.WATCH)
    return (
        _active()
        .filter(reached)
        .exclude(_already_told(before))
        .exclude(Exists(muted))
        .exclude(Exists(off) & ~Exists(watched))
        .order_by("pk")
    )


def _already_told(already_told: Mapping[str, datetime]) -> Q:
    found = Q(pk__in=[])
    for topic, time in already_told.items():
        follows = Follow.objects.not_muted().filter(topic=topic, created__lte=time)
        found |= Q(pk__in=follows.values("user"))
        if topic == EVERYONE:
            found |= _was_there(time)
    return found


def _active() -> QuerySet[Any]:
    people = get_user_model()._default_manager.all()
    return people.filter(is_active=True) if _users_have("is_active") else people


def _was_there(moment: datetime) -> Q:
    """Match who had an account then; everybody, where users do not say since when."""
    if not _users_have("date_joined"):
        return Q(pk__isnull=False)
    # As the inbox has it: to the millisecond, which is what events know.
    return Q(date_joined__lt=moment + timedelta(milliseconds=1))


def _users_have(field: str) -> bool:
    try:
        get_user_model()._meta.get_field(field)
    except FieldDoesNotExist:
        return False
    return True
