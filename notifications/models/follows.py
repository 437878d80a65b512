"""Follows of topics at a level, some of them muted for a time."""

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, router
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from notifications import databases
from notifications.exceptions import InvalidTopic
from notifications.models.times import now, truncate_to_milliseconds
from notifications.protocol import topics
from notifications.protocol.cursor import milliseconds
from notifications.protocol.subscriptions import Span


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
# The fields of a follow that its person changes.
CHANGING = ("level", "created", "muted_from", "muted_until")


def span_of(start: datetime | None, end: datetime | None) -> Span | None:
    """Return the time of a mute; None if it has no end."""
    if end is None:
        return None
    return Span(0 if start is None else milliseconds(start), milliseconds(end))


class FollowQuerySet(models.QuerySet["Follow"]):
    """Follows."""

    def not_muted(self) -> Self:
        """Return the follows that are not mutes; some may be muted for a time."""
        return self.exclude(level=Level.MUTE)

    def muted_at(self, moment: datetime) -> Self:
        """Return those whose topics are muted at a moment."""
        begun = models.Q(muted_from=None) | models.Q(muted_from__lte=moment)
        return self.filter(
            models.Q(level=Level.MUTE, muted_until=None)
            | (begun & models.Q(muted_until__gt=moment))
        )

    def without_ended_mutes(self) -> Self:
        """Return the follows without those that only were a mute for a time."""
        return self.exclude(level=Level.MUTE, muted_until__lte=now())

    def set_level(
        self,
        user: Any,
        topic: str,
        level: str,
        *,
        keep: bool = False,
        until: datetime | None = None,
    ) -> "Follow":
        """Let a person follow a topic at a level; return the follow.

        An existing follow keeps the time when it began, and with `keep` its level; one
        that replaces a mute begins now. A mute may last `until` a time: then an
        existing follow keeps its level, too. Raises ValidationError for an invalid
        topic, level or time.
        """
        new = self.model(user=user, topic=topic, level=level)
        new.clean_fields(exclude=["user"])
        if until is not None:
            if level != Level.MUTE:
                raise ValidationError(_("Only a mute has an end."))
            new.muted_from = now()
            new.mute_until(until)
        fields = {name: getattr(new, name) for name in CHANGING}
        with databases.atomic():
            follow, created = self.get_or_create(
                user=user, topic=topic, defaults=fields
            )
            # The caller has it: this saves a query.
            follow.user = user
            kept = created or (keep and not follow.is_over)
            if not kept and follow.change(level, until):
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
    # A topic that is muted for a time is muted from one moment until the other, and is
    # otherwise followed at its level; at the level `mute`, it is not followed. Without
    # the first one, it was muted since ever.
    muted_from = models.DateTimeField(_("muted from"), null=True, editable=False)
    muted_until = models.DateTimeField(_("muted until"), null=True, editable=False)

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

    @property
    def muted_for(self) -> Span | None:
        """When the topic is muted, if that is for a time."""
        return span_of(self.muted_from, self.muted_until)

    @property
    def is_over(self) -> bool:
        """Whether this only was a mute for a time, which has ended."""
        ended = self.muted_until is not None and self.muted_until <= now()
        return self.level == Level.MUTE and ended

    def restore(self, fields: dict[str, Any]) -> None:
        """Save the follow with these fields, its times included."""
        for name in CHANGING:
            setattr(self, name, fields[name])
        super().save()

    def is_muted_at(self, moment: datetime) -> bool:
        """Tell whether a mute for a time includes a moment."""
        span = self.muted_for
        return span is not None and span.start <= milliseconds(moment) < span.end

    def change(self, level: str, until: datetime | None) -> bool:
        """Change the level, or mute until a time; tell whether that changes anything.

        The caller saves. Raises ValidationError for an invalid time.
        """
        before = [getattr(self, name) for name in CHANGING]
        if until is not None:
            self.mute_until(until)
        else:
            self._end_mute()
            if level == Level.MUTE:
                self.muted_from = self.muted_until = None
            self.level = level
        return before != [getattr(self, name) for name in CHANGING]

    def mute_until(self, until: datetime) -> None:
        """Mute the topic from now on until a time; raise ValidationError if it is past.

        It replaces an earlier mute for a time that has ended. One that lasts is changed
        in its end only.
        """
        moment = now()
        if until <= moment:
            raise ValidationError(_("The end of a mute must be in the future."))
        lasts = self.muted_until is not None and self.muted_until > moment
        has_no_end = self.level == Level.MUTE and self.muted_until is None
        if not lasts and not has_no_end:
            self.muted_from = moment
        self.muted_until = truncate_to_milliseconds(until)

    def _end_mute(self) -> None:
        moment = now()
        if self.muted_until is not None:
            self.muted_until = min(self.muted_until, moment)
