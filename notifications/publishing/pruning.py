"""Pruning: deletes old events and read marks, in batches of a transaction each.

It can stop at any point and be repeated: it continues with what is left. Pending events
stay.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q

from notifications import databases
from notifications.models import Event, EventQuerySet, ReadMark, RowState
from notifications.models.events import SET_ASIDE_POSITION
from notifications.models.removal import remove_events
from notifications.protocol.cursor import Cursor, milliseconds


class Pruning:
    """Deletes what was relayed before a time, `batch` rows in each transaction.

    `using` is the alias of the database; the usual one by default.
    """

    def __init__(
        self, older_than: datetime, *, batch: int, using: str | None = None
    ) -> None:
        self._batch = batch
        self._older_than = older_than
        self._alias = using or databases.write_alias()
        # Everything before this position may go.
        self._end = Cursor(max(milliseconds(older_than), 0), 0).position

    def count_events(self) -> int:
        """Return how many events there are to delete."""
        return self._old_events().count()

    def delete_events(self) -> Iterator[int]:
        """Delete the events, oldest first; yield how many each transaction deleted."""
        start = SET_ASIDE_POSITION
        while True:
            with transaction.atomic(using=self._alias):
                if not (rows := self._oldest(after=start)):
                    return
                remove_events([key for key, _ in rows], using=self._alias)
            yield len(rows)
            # Pending events before it are not looked at again.
            start = rows[-1][1]

    def _oldest(self, *, after: int) -> list[tuple[int, int]]:
        """Return the keys and positions of a batch of events, and lock these."""
        # Two commands at the same time delete different rows.
        rows = self._old_events().select_for_update(skip_locked=True)
        rows = rows.filter(position__gte=after).order_by("position")
        return list(rows.values_list("pk", "position")[: self._batch])

    def _old_events(self) -> EventQuerySet:
        events = Event.objects.using(self._alias)
        set_aside = ~Q(failure="") & Q(created__lt=self._older_than)
        return events.filter(
            Q(relayed__isnull=False) | set_aside, position__lt=self._end
        )

    def delete_marks(self) -> Iterator[int]:
        """Delete the read marks and the states of rows that no event needs, in batches.

        A mark counts as long as there are events of its group: it may keep newer ones
        unread that were marked as read together with all others.
        """
        yield from self._delete_unused(ReadMark, up_to__lt=self._end)
        yield from self._delete_unused(RowState)

    def _delete_unused(self, model: type[Model], **condition: int) -> Iterator[int]:
        """Delete rows of a model whose group has no events, by batches."""
        last = 0
        rows = model._default_manager.using(self._alias).order_by("pk")
        group = Event.objects.using(self._alias).filter(group=OuterRef("group"))
        while keys := [
            *rows.filter(pk__gt=last).values_list("pk", flat=True)[: self._batch]
        ]:
            unused = rows.order_by().filter(~Exists(group), pk__in=keys, **condition)
            yield unused.delete()[0]
            last = keys[-1]
