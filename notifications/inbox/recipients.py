"""The recipients of an event: the rule of the inbox, asked from the event's side.

A property test compares it with `protocol/subscriptions.py` and with `explain`.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet, FieldDoesNotExist
from django.db import connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from notifications.models import Delivery, Event, Follow, Level, Preference, now
from notifications.protocol.topics import EVERYONE

# How far `count_recipients_of` counts.
COUNT_LIMIT = 1_000
NOT_MUTED = (Level.WATCH, Level.FOLLOW)


def recipients_of(event: Event) -> QuerySet[Any]:
    """Return the active people who have an event in their inbox.

    AUTHORIZE is not asked. People whose permission has ended are among them until
    `permissions_changed` deletes their follows.
    """
    return _Rule.of(event).recipients().exclude(pk=event.actor_id)


def count_recipients_of(events: Sequence[Event]) -> dict[int, int]:
    """Return how many people each event notifies, by primary key, in one query.

    It counts up to COUNT_LIMIT people an event, and so reads about as many at most of a
    topic that everybody follows. The `addresses` of the events should be loaded.
    """
    counts = {event.pk: 0 for event in events}
    selects: list[str] = []
    parameters: list[Any] = []
    alias = get_user_model()._default_manager.db
    for event in events:
        found = _Rule.of(event).joined_recipients().exclude(pk=event.actor_id)
        query = found.values("pk").distinct()[:COUNT_LIMIT].query
        with suppress(EmptyResultSet):
            sql, values = query.get_compiler(using=alias).as_sql()
            selects.append(f"SELECT %s, COUNT(*) FROM ({sql}) found")  # noqa: S608
            parameters += [event.pk, *values]
    if selects:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            if connections[alias].vendor == "postgresql":
                # PostgreSQL would compile each part of the query.
                cursor.execute("SET LOCAL jit = off")
            cursor.execute(" UNION ALL ".join(selects), parameters)
            counts |= dict(cursor.fetchall())
    return counts


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
    return _Rule(
        topics=[*topics],
        event_type=event_type,
        already_told=already_told or {},
        created=created or now(),
        relayed=relayed or now(),
    ).recipients()


@dataclass(frozen=True, slots=True)
class _Rule:
    """The rule for one event; see `recipients`."""

    topics: list[str]
    event_type: str
    already_told: Mapping[str, datetime]
    created: datetime
    relayed: datetime
    set_aside: bool = False

    @classmethod
    def of(cls, event: Event) -> "_Rule":
        return cls(
            topics=event.topics,
            event_type=event.type,
            already_told=event.already_told,
            created=event.created,
            # Follows from before the event was recorded count while it is pending.
            relayed=event.relayed or event.created,
            # What was set aside is in no inbox.
            set_aside=bool(event.failure),
        )

    def recipients(self) -> QuerySet[Any]:
        """Return the recipients in the order of their keys."""
        followers = self._follows.filter(topic__in=self.topics).values("user")
        return self._select(Q(pk__in=followers)).order_by("pk")

    def joined_recipients(self) -> QuerySet[Any]:
        """Return the recipients, some several times, in no order.

        The first ones are found without reading all followers.
        """
        return self._select(
            Q(
                follows__topic__in=self.topics,
                follows__created__lte=self.relayed,
                follows__level__in=NOT_MUTED,
            )
        ).order_by()

    @property
    def _follows(self) -> QuerySet[Follow]:
        return Follow.objects.not_muted().filter(created__lte=self.relayed)

    def _select(self, followers: Q) -> QuerySet[Any]:
        reached = followers
        if EVERYONE in self.topics:
            reached |= _had_account(self.created)
        own = Follow.objects.filter(user=OuterRef("pk"))
        muted = own.filter(topic__in=[*self.topics, *self.already_told]).muted_at(
            self.relayed
        )
        turned_off = Preference.objects.filter(
            user=OuterRef("pk"), type=self.event_type, delivery=Delivery.OFF
        )
        watched = self._follows.filter(
            user=OuterRef("pk"), topic__in=self.topics, level=Level.WATCH
        )
        users = _active_users().none() if self.set_aside else _active_users()
        return (
            users.filter(reached)
            .exclude(_notified_earlier(self.already_told))
            .exclude(Exists(muted))
            .exclude(Exists(turned_off) & ~Exists(watched))
        )


def _notified_earlier(already_told: Mapping[str, datetime]) -> Q:
    found = Q(pk__in=[])
    for topic, time in already_told.items():
        follows = Follow.objects.not_muted().filter(topic=topic, created__lte=time)
        # Not by `pk__in`, which reads all followers of the topic.
        found |= Q(Exists(follows.filter(user=OuterRef("pk"))))
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
