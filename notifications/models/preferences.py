"""Preferences: how a person is notified about the events of a type."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


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
