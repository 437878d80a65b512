"""What a person has seen and read.

Both are kept as positions, the order in which events were relayed: an event that
commits late may have an older primary key and is new all the same. Events that are
pending have no such position yet, and are kept by key.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import models

# How many events of each kind a person's state keeps by key: the newest ones.
MAX_PENDING = 1_000


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
    # Events that were seen while they were pending: their keys.
    seen_pending = models.JSONField(null=True)
    # Events that were read while they were pending: by key, as text, the version of
    # the change that read them. They are read whatever the marks say.
    read_pending = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"{self.user} up to {self.read_up_to}"

    @classmethod
    def of(cls, user: Any) -> "ReadState":
        """Return the person's state; a new, unsaved one if they have none."""
        return cls.objects.filter(user=user).first() or cls(user=user)

    @classmethod
    def locked(cls, user: Any) -> "ReadState":
        """Return the person's state, locked until the transaction ends."""
        rows = cls.objects.select_for_update().filter(user=user)
        state = rows.first()
        if state is None:
            # Another transaction may create it first: one statement, and no error.
            ReadState.objects.bulk_create([cls(user=user)], ignore_conflicts=True)
            state = rows.get()
        # The caller has it: this saves a query.
        state.user = user
        return state

    def has_seen(self, key: int, position: int) -> bool:
        """Tell whether an event, given by key and position, is seen."""
        return position <= self.seen_up_to or key in self.seen_pending_keys

    @property
    def seen_pending_keys(self) -> frozenset[int]:
        """The keys of events that were seen while they were pending."""
        return frozenset(self.seen_pending or ())

    @property
    def read_pending_keys(self) -> frozenset[int]:
        """The keys of events that were read while they were pending."""
        return frozenset(map(int, self.read_pending or ()))

    def add_seen_pending(self, keys: Iterable[int]) -> None:
        """Keep events as seen; the caller saves."""
        self._set_seen_pending(self.seen_pending_keys.union(keys))

    def remove_seen_pending(self, keys: Iterable[int]) -> None:
        """Keep events as seen no longer; the caller saves."""
        self._set_seen_pending(self.seen_pending_keys.difference(keys))

    def _set_seen_pending(self, keys: Iterable[int]) -> None:
        self.seen_pending = sorted(keys)[-MAX_PENDING:] or None

    def add_read_pending(self, versions: Mapping[int, int]) -> None:
        """Keep events as read by a version, unless they are; the caller saves."""
        self._set_read_pending({**versions, **self._read_versions()})

    def remove_read_pending(self, keys: Iterable[int]) -> dict[int, int]:
        """Keep events as read no longer; return their versions. The caller saves."""
        versions = self._read_versions()
        removed = {key: versions.pop(key) for key in keys if key in versions}
        self._set_read_pending(versions)
        return removed

    def read_pending_by(self, version: int) -> list[int]:
        """Return the keys of the events that the change of a version read."""
        return [key for key, its in self._read_versions().items() if its == version]

    def _read_versions(self) -> dict[int, int]:
        return {int(key): version for key, version in (self.read_pending or {}).items()}

    def _set_read_pending(self, versions: Mapping[int, int]) -> None:
        newest = sorted(versions.items())[-MAX_PENDING:]
        self.read_pending = {str(key): version for key, version in newest} or None


class ReadMark(models.Model):
    """How far a person has read one group of events.

    It takes precedence over the state's `read_up_to` as long as its version is newer
    than the state's `read_version`, that is, until everything is marked as read.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        # The unique constraint begins with it, so its index is enough.
        db_index=False,
    )
    group = models.CharField(max_length=255)
    up_to = models.BigIntegerField()
    version = models.BigIntegerField()
    # What both were before a change of many groups, to undo it; without them, there was
    # no mark.
    undo_up_to = models.BigIntegerField(null=True)
    undo_version = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "group"], name="notifications_readmark_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.group} up to {self.up_to}"
