"""Events and control entries: rows of the outbox until they are relayed to the log."""

import itertools
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.models import inbox_rules
from notifications.models.event_topics import EventTopic
from notifications.models.follows import Follow, Preference
from notifications.models.reading import ReadState
from notifications.models.times import now
from notifications.protocol import topics
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import COUNT_LIMIT

# In seconds since 1970. Databases and time zones fail on later times.
LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
# An inbox whose topics have fewer events than this is looked up by topic.
LOOKUP_BY_TOPIC_LIMIT = 20_000


class EventQuerySet(models.QuerySet["Event"]):
    """Events."""

    def pending(self) -> Self:
        """Return the events that are not in the log yet, oldest first."""
        return self.filter(relayed=None).order_by("pk")

    def for_wire(self) -> Self:
        """Fetch what `Event.wire` needs together with the events."""
        return self.select_related("actor").prefetch_related("addresses")

    def inbox(self, user: Any) -> Self:
        """Return the events in a person's inbox, newest first.

        These are the events addressed to a topic that the person followed when they
        were relayed. The person's own events are left out, and so are events addressed
        to a topic that they muted, events that they were notified about before, and
        events of a type that they turned off, unless they watch one of the topics.
        """
        return self._for_person(user, without=Preference.objects.off(user))

    def live(self, user: Any) -> Self:
        """Return the events that a person is notified about live, newest first."""
        return self._for_person(user, without=Preference.objects.not_live(user))

    def _for_person(self, user: Any, *, without: list[str]) -> Self:
        found = (
            self._candidates(user)
            .filter(inbox_rules.reaches(user))
            .exclude(inbox_rules.is_already_told(user))
            .exclude(inbox_rules.is_muted(user))
            .exclude(actor=user)
            .order_by("-position", "-pk")
        )
        if without:
            unwanted = Q(type__in=without) & ~inbox_rules.is_watched(user)
            found = found.exclude(unwanted)
        return found

    def _candidates(self, user: Any) -> Self:
        """Narrow the events down before the rules are evaluated on each.

        When the person's topics have few events, these are found by topic. Otherwise
        all events since the person's first follow remain: many of them are the
        person's, so the newest ones fill a page soon.
        """
        follows = Follow.objects.not_muted().filter(user=user)
        addressed = EventTopic.objects.filter(
            Q(topic__in=follows.values("topic")) | Q(topic=topics.EVERYONE)
        ).order_by()
        count = addressed.values("pk")[:LOOKUP_BY_TOPIC_LIMIT].count()
        if count < LOOKUP_BY_TOPIC_LIMIT:
            return self.filter(pk__in=addressed.values("event"))
        first = inbox_rules.first_position(user, follows)
        return self.filter(position__gte=first)

    def unread(self, user: Any) -> Self:
        """Return the events in a person's inbox that they have not read."""
        unread = inbox_rules.is_unread(user, ReadState.of(user))
        return self.inbox(user).filter(unread)

    def unseen(self, user: Any) -> Self:
        """Return the live events that a person has neither seen nor read."""
        state = ReadState.of(user)
        unread = inbox_rules.is_unread(user, state)
        return self.live(user).filter(unread, position__gt=state.seen_up_to)

    def newest_of_groups(self, newer: Self) -> Self:
        """Return the events whose group has no newer event among `newer`."""
        same = newer.filter(group=OuterRef("group"), position__gt=OuterRef("position"))
        return self.exclude(Exists(same.order_by()))

    def count_unread(self, user: Any) -> int:
        """Return how many events a person has not read, counted up to COUNT_LIMIT."""
        return self.unread(user).order_by()[:COUNT_LIMIT].count()

    def count_unseen(self, user: Any) -> int:
        """Return how many events a person has not seen, counted up to COUNT_LIMIT."""
        return self.unseen(user).order_by()[:COUNT_LIMIT].count()

    def newest_cursor(self) -> Cursor:
        """Return the cursor of the newest event that was relayed."""
        relayed = self.filter(relayed__isnull=False).order_by("-position")
        position = relayed.values_list("position", flat=True).first()
        return Cursor.from_position(position or 0)


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
    type = models.CharField(_("type"), max_length=64, db_index=True)
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
    source = models.CharField(max_length=255, blank=True, default="", db_index=True)
    created = models.DateTimeField(_("created"), default=now)
    relayed = models.DateTimeField(_("relayed"), null=True, blank=True)
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
        permissions = [("send_announcement", "Can send an announcement")]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(relayed=None),
                name="notifications_event_pending",
            ),
            models.Index(fields=["group", "position"], name="notifications_by_group"),
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

    def wire(self) -> dict[str, Any]:
        """Return the JSON object for clients: the common fields, then the payload's."""
        actor = self.actor
        return {
            "uid": str(self.uid),
            "type": self.type,
            "topics": self.topics,
            "actor": actor and {"id": actor.pk, "name": actor.get_username()},
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
                address.save(update_fields=["already_told"])

    def mark_relayed(self, cursor: Cursor) -> None:
        """Set the cursor of the event in the log and its time; the caller saves."""
        self.cursor = str(cursor)
        self.position = cursor.position
        zone = UTC if timezone.is_aware(self.created) else None
        # Redis continues from the newest id, which may be far in the future.
        seconds = min(cursor.milliseconds / 1000, LATEST)
        self.relayed = datetime.fromtimestamp(seconds, zone)


class Control(models.Model):
    """A control entry that is not in the log yet; the row is deleted once it is."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    body = models.BinaryField()
    created = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return str(self.uid)
