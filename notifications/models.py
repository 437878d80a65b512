"""The rows: follows, events (also the outbox), and what a person has read."""

import uuid
from datetime import UTC, datetime
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications import topics
from notifications.cursor import Cursor
from notifications.exceptions import InvalidTopic

# The bell shows no exact number from here on.
COUNT_LIMIT = 100
# In seconds since 1970: the last year that every database and time zone can show.
LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def now() -> datetime:
    """Return the time in whole milliseconds, as the log's cursors have it."""
    time = timezone.now()
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def validate_topic(value: str) -> None:
    """Raise ValidationError when `value` is no topic."""
    try:
        topics.validate(value)
    except InvalidTopic as error:
        raise ValidationError(str(error)) from error


class Level(models.TextChoices):
    """How closely a person follows a topic."""

    FOLLOW = "follow", _("follow")
    WATCH = "watch", _("watch")
    MUTE = "mute", _("mute")


class FollowQuerySet(models.QuerySet["Follow"]):
    """Follows."""

    def heard(self) -> Self:
        """Return those that bring events; a mute keeps them away."""
        return self.exclude(level=Level.MUTE)

    def set_level(self, user: Any, topic: str, level: str) -> "Follow":
        """Let a person follow a topic at this level; return the follow.

        Who followed already keeps the time since when; who had it muted follows
        from now. Raises ValidationError for what is no topic or no level.
        """
        self.model(user=user, topic=topic, level=level).clean_fields(exclude=["user"])
        with transaction.atomic():
            follow, created = self.get_or_create(
                user=user, topic=topic, defaults={"level": level}
            )
            if not created and follow.level != level:
                follow.level = level
                follow.save()
        return follow


class Follow(models.Model):
    """A person follows a topic, at a level."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="follows",
        verbose_name=_("user"),
    )
    topic = models.CharField(
        _("topic"), max_length=topics.MAX_LENGTH, validators=[validate_topic]
    )
    level = models.CharField(
        _("level"), max_length=10, choices=Level.choices, default=Level.FOLLOW
    )
    created = models.DateTimeField(_("created"), default=now, editable=False)

    objects = FollowQuerySet.as_manager()

    class Meta:
        verbose_name = _("follow")
        verbose_name_plural = _("follows")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "topic"], name="notifications_follow_once"
            )
        ]
        indexes = [models.Index(fields=["topic"], name="notifications_follow_topic")]

    def __str__(self) -> str:
        return f"{self.user} {self.level} {self.topic}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the follow; one that was muted until now counts from now."""
        if self.level != Level.MUTE and self._is_muted():
            self.created = now()
        super().save(*args, **kwargs)

    def _is_muted(self) -> bool:
        return Follow.objects.filter(pk=self.pk, level=Level.MUTE).exists()


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
        it is their own, muted, or one that they were told of before.
        """
        addresses = EventTopic.objects.filter(event=OuterRef("pk"))
        relayed = Coalesce(OuterRef("event__relayed"), Value(now()))
        reached = addresses.filter(_followed(user, by=relayed), told=None)
        told = addresses.filter(_followed(user, by=OuterRef("told")))
        muted = Follow.objects.filter(user=user, level=Level.MUTE).values("topic")
        return (
            self.filter(Exists(reached))
            .exclude(Exists(told))
            .exclude(Exists(addresses.filter(topic__in=muted)))
            .exclude(actor=user)
            .order_by("-pk")
        )

    def unread(self, user: Any) -> Self:
        """Return what is in this person's inbox and not read yet."""
        return self.inbox(user).filter(pk__gt=ReadState.of(user).read_up_to)

    def count_unread(self, user: Any) -> int:
        """Return how many events a person has not read, counted up to COUNT_LIMIT."""
        return self.unread(user)[:COUNT_LIMIT].count()


def _followed(user: Any, *, by: Any) -> Exists:
    """Match the event topics that the person followed by this time."""
    follows = Follow.objects.heard().filter(user=user, topic=OuterRef("topic"))
    return Exists(follows.filter(created__lte=by))


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

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(relayed=None),
                name="notifications_event_pending",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.uid}"

    @property
    def topics(self) -> list[str]:
        """The topics that the event is addressed to, in the order given."""
        return [each.topic for each in self.addresses.all() if each.told is None]

    @property
    def told(self) -> dict[str, datetime]:
        """The topics whose followers were told before, and when that was."""
        return {
            each.topic: each.told
            for each in self.addresses.all()
            if each.told is not None
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

    def correct_told(self) -> None:
        """Note when the topics that were told before were told, now that it is known.

        What this event extends was pending, perhaps, when this one was recorded.
        """
        earlier = EventTopic.objects.filter(
            event__source=self.source,
            event__pk__lt=self.pk,
            event__relayed__isnull=False,
            told=None,
        )
        relayed = dict(earlier.values_list("topic", "event__relayed"))
        for address in self.addresses.all():
            if address.told is not None and address.topic in relayed:
                address.told = relayed[address.topic]
                address.save(update_fields=["told"])

    def mark_relayed(self, cursor: Cursor) -> None:
        """Note where in the log the event is; the caller saves."""
        self.cursor = str(cursor)
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
    told = models.DateTimeField(null=True)

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


class ReadState(models.Model):
    """How far a person has read their inbox."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    # The primary key of the newest event that is read; older ones are, too.
    read_up_to = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user} up to {self.read_up_to}"

    @classmethod
    def of(cls, user: Any) -> "ReadState":
        """Return the person's state; a new one, not saved yet, if they have none."""
        return cls.objects.filter(user=user).first() or cls(user=user)

    @classmethod
    def advance(cls, user: Any, up_to: int) -> None:
        """Note that all up to this event is read; never goes back."""
        state, _created = cls.objects.get_or_create(user=user)
        cls.objects.filter(pk=state.pk, read_up_to__lt=up_to).update(read_up_to=up_to)
