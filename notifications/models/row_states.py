"""What a person decided about rows of their inbox: which are done, and which saved."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models

from notifications.models.inbox_events import InboxEvent
from notifications.models.reading import ReadMark, ReadState


class RowState(models.Model):
    """What a person decided about one group of events.

    The group is done up to a position, as ReadMark has it read up to one: a later event
    brings the row back. Whatever is done is read as well, so that counts need not know
    about it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        # The unique constraint begins with it, so its index is enough.
        db_index=False,
    )
    group = models.CharField(max_length=255)
    done_up_to = models.BigIntegerField(default=0)
    # Events that were done while they were pending, without a position: their keys.
    done_pending = models.JSONField(null=True)
    # The version of the change that made it done, and what it was before, to undo it.
    done_version = models.BigIntegerField(default=0)
    done_before = models.BigIntegerField(default=0)
    # When it was saved, as a position, by which the saved rows are ordered.
    saved = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "group"], name="notifications_rowstate_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["user", "saved"],
                condition=models.Q(saved__isnull=False),
                name="notifications_saved_rows",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.group}"

    def is_done(self, event: InboxEvent) -> bool:
        """Tell whether an event of the group is done."""
        # A pending event will have another position when it is relayed.
        by_position = event.relayed and event.position <= self.done_up_to
        return by_position or event.pk in (self.done_pending or ())


class RowStates:
    """What a person decided, for one request; each state is loaded once."""

    def __init__(self, user: Any) -> None:
        self._user = user
        self._states: dict[str, RowState | None] = {}

    def done(self, events: Iterable[InboxEvent]) -> set[int]:
        """Return the keys of those of the events that are done."""
        found = list(events)
        self._load({each.group for each in found})
        states = self._states
        return {
            each.pk
            for each in found
            if (state := states[each.group]) and state.is_done(each)
        }

    def is_saved(self, group: str) -> bool:
        """Tell whether a group that was loaded is saved."""
        state = self._states.get(group)
        return state is not None and state.saved is not None

    def saved(self, *, before: int, limit: int) -> list[tuple[int, str]]:
        """Return the newest saved groups, each with when it was saved."""
        rows = RowState.objects.filter(user=self._user, saved__lt=before)
        newest = rows.order_by("-saved")[:limit]
        return [(each.saved or 0, each.group) for each in newest]

    def _load(self, groups: set[str]) -> None:
        unknown = groups - self._states.keys()
        if unknown:
            rows = RowState.objects.filter(user=self._user, group__in=unknown)
            self._states |= dict.fromkeys(unknown)
            self._states |= {each.group: each for each in rows}


def undo_rows(state: ReadState, version: int) -> None:
    """Undo a change of many rows, as far as they were not changed again since."""
    marks = ReadMark.objects.filter(user=state.user_id, version=version)
    marks.filter(undo_version=None).delete()
    # A mark that still holds gets a new version: its earlier state is no longer known,
    # so the change that made it cannot be undone.
    state.version += 1
    renewed = models.Value(state.version, models.BigIntegerField())
    holds = models.When(undo_version__gt=state.read_version, then=renewed)
    marks.update(
        up_to=models.F("undo_up_to"),
        version=models.Case(holds, default=models.F("undo_version")),
        undo_up_to=None,
        undo_version=None,
    )
    done = RowState.objects.filter(user=state.user_id, done_version=version)
    done.update(done_up_to=models.F("done_before"), done_pending=None, done_version=0)
    # Everything may have been marked as read since.
    if version > state.read_version:
        state.remove_read_pending(state.read_pending_by(version))
    state.save()
