"""The recipients of an event: the rule of the inbox, asked from the event's side.

A property test compares it with `protocol/subscriptions.py` and with `explain`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Exists, OuterRef, Q, QuerySet

from notifications.models import Delivery, Event, Follow, Level, Preference, now
from notifications.protocol.topics import EVERYONE


def recipients_of(event: Event) -> QuerySet[Any]:
    """Return the active people who have an event in their inbox.

    AUTHORIZE is not asked. People whose permission has ended are among them until
    `permissions_changed` deletes their follows.
    """
    found = recipients(
        event.topics,
        event_type=event.type,
        already_told=event.already_told,
        created=event.created,
        # Follows from before the event was recorded count while it is pending.
        relayed=event.relayed or event.created,
    )
    # What was set aside is in no inbox.
    return found.none() if event.failure else found.exclude(pk=event.actor_id)


def recipients(
    topics: Iterable[str],
    *,
    event_type: str,
    already_told: Mapping[str, datetime] | None = None,
    created: datetime | None = None,
    relayed: datetime | None = None,
) -> QuerySet[Any]:
    """Return the active people that an event of this type to these topics notifies.

    `already_told` maps the topics of earlier events about the same object to the time
    of these events: their recipients are not notified again. `created` is when the
    event was recorded: accounts count that existed then. `relayed` is when it was
    relayed: follows count that existed then. Both default to now.
    """
    names, earlier = [*topics], already_told or {}
    follows = Follow.objects.not_muted().filter(created__lte=relayed or now())
    reached = Q(pk__in=follows.filter(topic__in=names).values("user"))
    if EVERYONE in names:
        reached |= _had_account(created or now())
    own = Follow.objects.filter(user=OuterRef("pk"))
    muted = own.filter(topic__in=[*names, *earlier], level=Level.MUTE)
    turned_off = Preference.objects.filter(
        user=OuterRef("pk"), type=event_type, delivery=Delivery.OFF
    )
    watched = follows.filter(user=OuterRef("pk"), topic__in=names, level=Level.WATCH)
    return (
        _active_users()
        .filter(reached)
        .exclude(_notified_earlier(earlier))
        .exclude(Exists(muted))
        .exclude(Exists(turned_off) & ~Exists(watched))
        .order_by("pk")
    )


def _notified_earlier(already_told: Mapping[str, datetime]) -> Q:
    found = Q(pk__in=[])
    for topic, time in already_told.items():
        follows = Follow.objects.not_muted().filter(topic=topic, created__lte=time)
        found |= Q(pk__in=follows.values("user"))
        if topic == EVERYONE:
            found |= _had_account(time)
    return found


def _active_users() -> QuerySet[Any]:
    users = get_user_model()._default_manager.all()
    return users.filter(is_active=True) if _users_have("is_active") else users


def _had_account(moment: datetime) -> Q:
    """Match users with an account at that time; all, if users have no date_joined."""
    if not _users_have("date_joined"):
        return Q(pk__isnull=False)
    # Events have milliseconds only, so the inbox compares them without the rest.
    return Q(date_joined__lt=moment + timedelta(milliseconds=1))


def _users_have(field: str) -> bool:
    try:
        get_user_model()._meta.get_field(field)
    except FieldDoesNotExist:
        return False
    return True
