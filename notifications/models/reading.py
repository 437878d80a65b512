"""What a person has seen and read.

Both are kept as positions, the order in which events were relayed: an event that
commits late may have an older primary key and is new all the same.
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
    # Everything up to this position is seen and no longer counted by the bell.
    seen_up_to = models.BigIntegerField(default=0)
    # Everything up to this position is read, except for marks made later.
    read_up_to = models.BigIntegerField(default=0)
    # The version when everything was marked as read; marks up to it no longer count.
    read_version = models.BigIntegerField(default=0)
    # The number of changes so far, which gives each mark its version.
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user} up to {self.read_up_to}"

    @classmethod
    def of(cls, user: Any) -> "ReadState":
        """Return the person's state; a new, unsaved one if they have none."""
        return cls.objects.filter(user=user).first() or cls(user=user)

    @classmethod
    def locked(cls, user: Any) -> "ReadState":
        """Return the person's state, locked until the transaction ends."""
        cls.objects.get_or_create(user=user)
        return cls.objects.select_for_update().get(user=user)


class ReadMark(models.Model):
    """How far a person has read one group of events.

    It takes precedence over the state's `read_up_to` as long as its version is newer
    than the state's `read_version`, that is, until everything is marked as read.
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
