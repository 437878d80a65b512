"""Follows of topics at a level, and preferences by event type."""

from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connections, models, router
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from notifications import databases
from notifications.exceptions import InvalidTopic
from notifications.models.times import now, truncate_to_milliseconds
from notifications.protocol import topics
from notifications.protocol.cursor import milliseconds
from notifications.protocol.subscriptions import Subscriptions


def validate_topic(value: str) -> None:
    """Raise ValidationError if `value` is not a valid topic."""
    try:
        topics.validate(value)
    except InvalidTopic as error:
        raise ValidationError(str(error)) from error


class Level(models.TextChoices):
    """How closely a person follows a topic.

    A person who watches a topic is notified about all of its events, whatever the
    preferences say. A person who follows it is notified as the preferences say. A
    person who muted it is not notified about any event that is addressed to it.
    """

    WATCH = "watch", _("watch")
    FOLLOW = "follow", _("follow")
    MUTE = "mute", _("mute")


# Means not following, where a level is expected.
NO_LEVEL = "none"


class FollowQuerySet(models.QuerySet["Follow"]):
    """Follows."""

    def not_muted(self) -> Self:
        """Return the follows that are not mutes."""
        return self.exclude(level=Level.MUTE)

    def set_level(
        self, user: Any, topic: str, level: str, *, keep: bool = False
    ) -> "Follow":
        """Let a person follow a topic at a level; return the follow.

        An existing follow keeps the time when it began, and with `keep` its level; one
        that replaces a mute begins now. Raises ValidationError for an invalid topic or
        level.
        """
        self.model(user=user, topic=topic, level=level).clean_fields(exclude=["user"])
        with databases.atomic():
            follow, created = self.get_or_create(
                user=user, topic=topic, defaults={"level": level}
            )
            # The caller has it: this saves a query.
            follow.user = user
            if not created and not keep and follow.level != level:
                follow.level = level
                follow.save()
        return follow


class Follow(models.Model):
    """A person follows a topic at a level."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="follows",
        verbose_name=_("user"),
        # The unique constraint begins with it, so its index is enough.
        db_index=False,
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
        verbose_name = pgettext_lazy("somebody follows something", "follow")
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
        """Save the follow; one that replaces a mute begins now."""
        if self.pk and self.level != Level.MUTE and self._is_muted():
            self.created = now()
        super().save(*args, **kwargs)

    def _is_muted(self) -> bool:
        alias = router.db_for_write(Follow, instance=self)
        rows = Follow.objects.using(alias)
        return rows.filter(pk=self.pk, level=Level.MUTE).exists()


class Delivery(models.TextChoices):
    """How a person is notified about the events of a type."""

    LIVE = "live", _("in the inbox and live")
    INBOX = "inbox", _("only in the inbox")
    OFF = "off", _("not at all")


class PreferenceQuerySet(models.QuerySet["Preference"]):
    """Preferences."""

    def set(self, user: Any, event_type: str, delivery: str) -> None:
        """Set how a person is notified about the events of a type."""
        preference, created = self.get_or_create(
            user=user, type=event_type, defaults={"delivery": delivery}
        )
        if not created and preference.delivery != delivery:
            preference.delivery = delivery
            preference.save()


class Preference(models.Model):
    """How a person is notified about the events of a type; live without a row."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
        # The unique constraint begins with it, so its index is enough.
        db_index=False,
    )
    type = models.CharField(_("type"), max_length=64)
    delivery = models.CharField(
        _("delivery"), max_length=10, choices=Delivery.choices, default=Delivery.LIVE
    )

    objects = PreferenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "type"], name="notifications_preference_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.type} {self.delivery}"


class Followed(NamedTuple):
    """What a person follows, and their preferences."""

    # The topic, the level and the time of each follow.
    follows: list[tuple[str, str, datetime]]
    # The event type and the delivery of each preference.
    deliveries: list[tuple[str, str]]
    # When each session expires that was asked for.
    expiries: list[datetime]

    @property
    def not_live(self) -> list[str]:
        """The event types that the person is not notified about live."""
        return [name for name, how in self.deliveries if how != Delivery.LIVE]


def read_follows(user: Any, *, session: Any = None) -> Followed:
    """Return the follows and the preferences of a person, by one query.

    `session` is one of the sessions that Django keeps in the database, whose expiry is
    read along. Its table has to be in the database that the follows are read from.
    """
    connection = connections[router.db_for_read(Follow)]
    fields = Follow._meta
    pk = fields.get_field("user").get_db_prep_value(user.pk, connection)
    parameters = [pk, pk] if session is None else [pk, pk, session.session_key]
    created = fields.get_field("created").get_col(fields.db_table)
    converters = connection.ops.get_db_converters(created)
    with connection.cursor() as cursor:
        cursor.execute(_sql(connection.alias, session and session.model), parameters)
        found: list[tuple[str, str, Any]] = cursor.fetchall()
    followed = Followed([], [], [])
    for name, how, time in found:
        # Rows of preferences have no time, and those of sessions no level.
        if time is None:
            followed.deliveries.append((name, how))
            continue
        for convert in converters:
            time = convert(time, created, connection)
        if how:
            followed.follows.append((name, how, time))
        else:
            followed.expiries.append(time)
    return followed


@cache
def _sql(alias: str, session: type[models.Model] | None) -> str:
    """Return the query of read_follows.

    Each stream and each page needs it, and Django takes ten times as long to write it
    as the database to run it.
    """
    quote = connections[alias].ops.quote_name

    def select(model: type[models.Model], *columns: str, of: str) -> str:
        table = quote(model._meta.db_table)
        return f"SELECT {', '.join(columns)} FROM {table} WHERE {quote(of)} = %s"  # noqa: S608

    topic, level, created = map(quote, ("topic", "level", "created"))
    selects = [
        select(Follow, topic, level, created, of="user_id"),
        select(Preference, quote("type"), quote("delivery"), "NULL", of="user_id"),
    ]
    if session is not None:
        key = "session_key"
        selects.append(select(session, quote(key), "''", quote("expire_date"), of=key))
    return " UNION ALL ".join(selects)


def make_subscriptions(user: Any, followed: Followed) -> Subscriptions:
    """Return what a person follows, and how they want to be notified."""
    joined = getattr(user, "date_joined", None)
    return Subscriptions.of(
        [(name, level, milliseconds(since)) for name, level, since in followed.follows],
        off=[name for name, how in followed.deliveries if how == Delivery.OFF],
        not_live=followed.not_live,
        joined=0 if joined is None else milliseconds(truncate_to_milliseconds(joined)),
    )
