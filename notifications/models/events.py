"""Events (also the outbox), whom they are for, and what is in whose inbox."""

import itertools
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, Min, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.models.follows import (
    Follow,
    FollowQuerySet,
    Level,
    Preference,
)
from notifications.models.reading import ReadMark, ReadState
from notifications.models.times import now, whole
from notifications.protocol import topics
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.protocol.entries import COUNT_LIMIT

# In seconds since 1970: the last year that every database and time zone can show.
LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


# Up to so many events an inbox is looked up by topic.
FEW_EVENTS = 20_000


class EventQuerySet(models.QuerySet["Event"]):
    """Events."""

    def pending(self) -> Self:
        """Return those that are not in the log yet, in the order of recording."""
        return self.filter(relayed=None).order_by("pk")

    def for_wire(self) -> Self:
        """Return them with all that their frames say, in a fixed number of queries."""
        return self.select_related("actor").prefetch_related("addresses")

    def inbox(self, user: Any) -> Self:
        """Return what this person is told of, newest first.

        That is each event to a topic that they followed when it was relayed, unless
        it is their own, muted, one that they were told of before, or of a type that
        they want nothing of and that reaches them by no topic they watch.
        """
        return self._for_person(user, without=Preference.objects.off(user))

    def live(self, user: Any) -> Self:
        """Return what this person is told of live: what the bell counts."""
        return self._for_person(user, without=Preference.objects.not_live(user))

    def _for_person(self, user: Any, *, without: list[str]) -> Self:
        addresses = EventTopic.objects.filter(event=OuterRef("pk"))
        relayed = Coalesce(OuterRef("event__relayed"), Value(now()))
        already_told = addresses.filter(
            _followed(user, by=OuterRef("already_told"))
            | _everyone(user, by="already_told")
        )
        muted = Follow.objects.filter(user=user, level=Level.MUTE).values("topic")
        found = (
            self._near(user)
            .filter(Exists(_reached(addresses, user, by=relayed)))
            .exclude(Exists(already_told))
            .exclude(Exists(addresses.filter(topic__in=muted)))
            .exclude(actor=user)
            .order_by("-position", "-pk")
        )
        if without:
            watched = Follow.objects.filter(user=user, level=Level.WATCH)
            follows = _followed(user, by=relayed, among=watched)
            found = found.exclude(
                Q(type__in=without)
                & ~Exists(addresses.filter(follows, already_told=None))
            )
        return found

    def _near(self, user: Any) -> Self:
        """Leave out what is to none of a person's topics, if those have few events.

        Then they are found by topic. Of topics with many, the newest are soon found by
        looking at one event after the other, back to where the person began to follow.
        """
        followed = Follow.objects.not_muted().filter(user=user)
        near = EventTopic.objects.filter(
            Q(topic__in=followed.values("topic")) | Q(topic=topics.EVERYONE)
        ).order_by()
        if near.values("pk")[:FEW_EVENTS].count() < FEW_EVENTS:
            return self.filter(pk__in=near.values("event"))
        return self.filter(position__gte=_beginning(user, followed))

    def unread(self, user: Any) -> Self:
        """Return what is in this person's inbox and not read yet."""
        return self.inbox(user).filter(_is_unread(user, ReadState.of(user)))

    def unseen(self, user: Any) -> Self:
        """Return what the bell counts: told of live, and neither seen nor read yet."""
        state = ReadState.of(user)
        unread = _is_unread(user, state)
        return self.live(user).filter(unread, position__gt=state.seen_up_to)

    def newest_of_groups(self, newer: Self) -> Self:
        """Return those whose group has none that is newer among `newer`."""
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


def _beginning(user: Any, followed: FollowQuerySet) -> int:
    """Return the position before which nothing can be in a person's inbox."""
    joined = getattr(user, "date_joined", None)
    first = followed.aggregate(first=Min("created"))["first"]
    if joined is None or first is None:
        return 0
    return Cursor(milliseconds(min(joined, first)), 0).position


def _reached(
    addresses: models.QuerySet["EventTopic"], user: Any, *, by: Any
) -> models.QuerySet["EventTopic"]:
    """Return those of the topics by which an event reaches a person."""
    everyone = _everyone(user, by="event__created")
    return addresses.filter(_followed(user, by=by) | everyone, already_told=None)


def _everyone(user: Any, *, by: str) -> Q:
    """Match what everybody was told of by a time, if the person was there then.

    Who came later has no use for what was said before.
    """
    since = getattr(user, "date_joined", None)
    bound = {f"{by}__gte": whole(since)} if since else {f"{by}__isnull": False}
    return Q(topic=topics.EVERYONE, **bound)


def _followed(user: Any, *, by: Any, among: FollowQuerySet | None = None) -> Exists:
    """Match the event topics that the person followed by this time."""
    followed = Follow.objects.not_muted() if among is None else among
    follows = followed.filter(user=user, topic=OuterRef("topic"))
    return Exists(follows.filter(created__lte=by))


def _is_unread(user: Any, state: ReadState) -> Q:
    """Match the events that the person has not read; see ReadMark."""
    marks = ReadMark.objects.filter(
        user=user, group=OuterRef("group"), version__gt=state.read_version
    )
    newer = Q(position__gt=state.read_up_to)
    read = Exists(marks.filter(up_to__gte=OuterRef("position")))
    return ~read & (newer | Exists(marks))


def provisional_position() -> int:
    """Return where an event stands that is not in the log yet: where it would be now.

    No two events of a process share a place, so that an inbox can be paged.
    """
    milliseconds = int(now().timestamp() * 1000)
    return Cursor(milliseconds, next(_counter) % 1_000_000).position


def own_group() -> str:
    """Return the name of a group that no other event is in."""
    return uuid.uuid4().hex


_counter = itertools.count(secrets.randbelow(1_000_000))


class Event(models.Model):
    """One occurrence of an event type; pending until it is in the log."""

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
    # What was saved, as <app>.<model>:<key>; empty for an event that was published.
    source = models.CharField(max_length=255, blank=True, default="", db_index=True)
    created = models.DateTimeField(_("created"), default=now)
    relayed = models.DateTimeField(_("relayed"), null=True, blank=True)
    cursor = models.CharField(_("cursor"), max_length=41, blank=True, default="")
    # The cursor as a number, by which the inbox is ordered and read.
    position = models.BigIntegerField(
        default=provisional_position, editable=False, db_index=True
    )
    # Events of a group are one row of the inbox.
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
        """The topics that the event is addressed to, in the order given."""
        return [
            each.topic for each in self.addresses.all() if each.already_told is None
        ]

    @property
    def already_told(self) -> dict[str, datetime]:
        """The topics whose followers were told before, and when that was."""
        return {
            each.topic: each.already_told
            for each in self.addresses.all()
            if each.already_told is not None
        }

    def wire(self) -> dict[str, Any]:
        """Return what clients get: the fields of every event, then the payload's."""
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
        """Note when the topics that were told before were told, now that it is known.

        What this event extends was pending, perhaps, when this one was recorded.
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
        """Note where in the log the event is; the caller saves."""
        self.cursor = str(cursor)
        self.position = cursor.position
        zone = UTC if timezone.is_aware(self.created) else None
        # Redis counts on from any entry, also from one that is far in the future.
        seconds = min(cursor.milliseconds / 1000, LATEST)
        self.relayed = datetime.fromtimestamp(seconds, zone)


class EventTopic(models.Model):
    """A topic that an event is addressed to.

    Where `told` is set, the topic's followers were told of the same thing before, by
    an event relayed at that time, and must not hear of it again.
    """

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="addresses")
    topic = models.CharField(max_length=topics.MAX_LENGTH)
    already_told = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "topic"], name="notifications_eventtopic_once"
            )
        ]
        indexes = [
            models.Index(fields=["topic", "event"], name="notifications_by_topic")
        ]

    def __str__(self) -> str:
        return self.topic


class Control(models.Model):
    """A control entry that is not in the log yet; the row goes once it is."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    body = models.BinaryField()
    created = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return str(self.uid)
