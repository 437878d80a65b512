"""Rows of the outbox beside events: control entries and due unseen counts."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models

from notifications.models.times import now


class ControlQuerySet(models.QuerySet["Control"]):
    """Control entries."""

    def pending(self) -> Self:
        """Return the entries that are to be relayed, oldest first."""
        return self.filter(failure="").order_by("pk")


class Control(models.Model):
    """A control entry that is not in the log yet; the row is deleted once it is."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    body = models.BinaryField()
    created = models.DateTimeField(default=now)
    # Why the entry was set aside.
    failure = models.TextField(blank=True, default="", db_default="")

    objects = ControlQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.uid)


class DueCount(models.Model):
    """A person's unseen count that may have changed, and is not in the log yet.

    The row is written with the change, and deleted once the count is in the log. It
    locks nothing: neither the person nor what they have read.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
    )

    def __str__(self) -> str:
        return f"{self.user_id}"
