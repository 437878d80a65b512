"""Events: rows of the outbox until they are relayed to the log."""

import itertools
import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

from django.conf import settings
from django.db import connections, models, router, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.models.actors import Actor, actors_of
from notifications.models.event_topics import EventTopic
from notifications.models.times import now
from notifications.protocol.cursor import Cursor

# The position of events that were set aside, before that of any other.
SET_ASIDE_POSITION = -1
# In seconds since 1970. Databases and time zones fail on later times.
LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
_SAVE_CURSOR = (
    "UPDATE {events} SET cursor = %s, position = %s, relayed = %s WHERE id = %s"
)
_SAVE_POSITION = "UPDATE {topics} SET position = %s WHERE event_id = %s"


class EventQuerySet(models.QuerySet["Event"]):
    """Events."""

    def pending(self) -> Self:
        """Return the events that are not in the log yet, oldest first."""
        return self.filter(relayed=None, failure="").order_by("pk")

    def set_aside(self, failure: str) -> None:
        """Take events that cannot be relayed out of the outbox and all inboxes."""
        self.update(failure=failure, position=SET_ASIDE_POSITION)
        # After the events, as everywhere: a retraction locks these before their topics.
        EventTopic.objects.filter(event__in=self).update(position=SET_ASIDE_POSITION)

    def for_wire(self) -> Self:
        """Fetch what `Event.wire` needs together with the events."""
        return self.select_related("actor").prefetch_related("addresses")

    def save_relayed(self, events: Sequence["Event"]) -> None:
        """Save the cursors of events that were relayed, and those of their topics.

        The statements are sent together, which is ten times as fast as one after the
        other or as `bulk_update`, which writes one long CASE expression.
        """
        alias = router.db_for_write(self.model)
        connection = connections[alias]
        names = {
            "events": connection.ops.quote_name(Event._meta.db_table),
            "topics": connection.ops.quote_name(EventTopic._meta.db_table),
        }
        adapt = connection.ops.adapt_datetimefield_value
        with transaction.atomic(using=alias), connection.cursor() as cursor:
            cursor.executemany(
                _SAVE_CURSOR.format(**names),
                [
                    (each.cursor, each.position, adapt(each.relayed), each.pk)
                    for each in events
                ],
            )
            cursor.executemany(
                _SAVE_POSITION.format(**names),
                [(each.position, each.pk) for each in events],
            )


def provisional_position() -> int:
    """Return the position of an event that is not in the log yet.

    It is where the event would be if it were relayed now. It is unique within the
    process, so that an inbox can be paged by it.
    """
    milliseconds = int(now().timestamp() * 1000)
    return Cursor(milliseconds, next(_counter) % 1_000_000).position


def own_group() -> str:
    """Return the name of a new group, for an event that shares its row with none."""
    return uuid.uuid4().hex


_counter = itertools.count(secrets.randbelow(1_000_000))


class Event(models.Model):
    """One occurrence of an event type; pending until it is relayed to the log."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    type = models.CharField(_("type"), max_length=64)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("actor"),
    )
    payload = models.JSONField(_("payload"), default=dict)
    # The object that was saved, as <event type>:<app>.<model>:<key>; empty for an
    # event that was published.
    source = models.CharField(max_length=255, blank=True, default="")
    created = models.DateTimeField(_("created"), default=now)
    relayed = models.DateTimeField(_("relayed"), null=True, blank=True)
    # Why the event was set aside: it is neither pending nor relayed then.
    failure = models.TextField(_("failure"), blank=True, default="", db_default="")
    cursor = models.CharField(_("cursor"), max_length=41, blank=True, default="")
    # The cursor as a number, by which the inbox is sorted.
    position = models.BigIntegerField(
        default=provisional_position, editable=False, db_index=True
    )
    # Events of the same group share one row of the inbox.
    group = models.CharField(max_length=255, default=own_group, editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        permissions = [
            ("send_announcement", "Can send an announcement"),
            ("retract_event", "Can retract events"),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(relayed=None, failure=""),
                name="notifications_event_due",
            ),
            models.Index(
                fields=["id"],
                condition=~Q(failure=""),
                name="notifications_event_failed",
            ),
            models.Index(fields=["group", "position"], name="notifications_by_group"),
            # Not by `db_index`, which adds a second one for LIKE on PostgreSQL.
            models.Index(fields=["type"], name="notifications_by_type"),
            models.Index(fields=["source"], name="notifications_by_source"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.uid}"

    @property
    def topics(self) -> list[str]:
        """The topics that the event is addressed to, in the order they were given."""
        addresses = self.addresses.all()
        return [each.topic for each in addresses if each.already_told is None]

    @property
    def already_told(self) -> dict[str, datetime]:
        """The topics of earlier events about the same object; see EventTopic."""
        return {
            each.topic: each.already_told
            for each in self.addresses.all()
            if each.already_told is not None
        }

    @cached_property
    def shown_actor(self) -> Actor | None:
        """The user who caused the event, as others see them; see `load_actors`."""
        return None if self.actor is None else actors_of([self.actor])[self.actor_id]

    def wire(self, *, topics: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the JSON object for clients: the common fields, then the payload's.

        Pass the `topics` of an event that is not saved.
        """
        actor = self.shown_actor
        return {
            "uid": str(self.uid),
            "type": self.type,
            "topics": self.topics if topics is None else topics,
            "actor": actor and {"id": self.actor_id, **actor.wire()},
            "created": self.created.isoformat(timespec="milliseconds"),
            **self.payload,
        }

    def correct_already_told(self) -> None:
        """Set each `already_told` to the time when the earlier event was relayed.

        When this event was recorded, the earlier one may still have been pending.
        """
        earlier = EventTopic.objects.filter(
            event__source=self.source,
            event__pk__lt=self.pk,
            event__relayed__isnull=False,
            already_told=None,
        )
        relayed = dict(earlier.values_list("topic", "event__relayed"))
        for address in self.addresses.all():
            if address.already_told is not None and address.topic in relayed:
                address.already_told = relayed[address.topic]
                # Not `save`, which fails if the event was retracted meanwhile.
                rows = EventTopic.objects.filter(pk=address.pk)
                rows.update(already_told=address.already_told)

    def clear_failure(self) -> None:
        """Make an event that was set aside pending again; the caller saves."""
        if self.failure:
            self.failure = ""
            self.position = provisional_position()

    def mark_relayed(self, cursor: Cursor) -> None:
        """Set the cursor of the event in the log and its time; the caller saves."""
        self.cursor = str(cursor)
        self.position = cursor.position
        zone = UTC if timezone.is_aware(self.created) else None
        # Redis continues from the newest id, which may be far in the future.
        seconds = min(cursor.milliseconds / 1000, LATEST)
        self.relayed = datetime.fromtimestamp(seconds, zone)


def load_actors(events: Iterable[Event]) -> None:
    """Set `shown_actor` of many events by one call of ACTOR."""
    found = list(events)
    actors = actors_of(event.actor for event in found if event.actor is not None)
    for event in found:
        # A cached property finds its value here.
        vars(event)["shown_actor"] = actors.get(event.actor_id)
