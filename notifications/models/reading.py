"""What a person has seen and read.

Both go by position, the order in which events were relayed: what commits late with an
older key is new all the same.
"""

from typing import Any

from django.conf import settings
from django.db import models


class ReadState(models.Model):
    """How far a person has seen and read their inbox."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    # Up to this position all is seen: the bell is quiet about it.
    seen_up_to = models.BigIntegerField(default=0)
    # Up to this position all is read, but for the marks that were made later.
    read_up_to = models.BigIntegerField(default=0)
    # Marks are numbered; those up to this one were made before all was marked.
    read_version = models.BigIntegerField(default=0)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user} up to {self.read_up_to}"

    @classmethod
    def of(cls, user: Any) -> "ReadState":
        """Return the person's state; a new one, not saved yet, if they have none."""
        return cls.objects.filter(user=user).first() or cls(user=user)

    @classmethod
    def locked(cls, user: Any) -> "ReadState":
        """Return the person's state, which nobody else changes till the commit."""
        cls.objects.get_or_create(user=user)
        return cls.objects.select_for_update().get(user=user)


class ReadMark(models.Model):
    """Up to where one group of events is read, whatever the rest of the inbox is.

    It counts as long as all was not marked since: while its version is newer than
    the state's `read_version`.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    group = models.CharField(max_length=255)
    up_to = models.BigIntegerField()
    version = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "group"], name="notifications_readmark_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.group} up to {self.up_to}"
