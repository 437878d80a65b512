"""Which events of an inbox its person has read: by marks, and by key while pending."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.db.models import Min, QuerySet

from notifications.models.inbox_events import InboxEvent
from notifications.models.reading import ReadMark, ReadState


class ReadMarks:
    """What a person has read, for one request; each mark is loaded once."""

    def __init__(self, user: Any) -> None:
        self._user = user
        # By group, the position up to which it is read.
        self._read_up_to: dict[str, int] = {}

    @cached_property
    def state(self) -> ReadState:
        """How far the person has seen and read their inbox."""
        return ReadState.of(self._user)

    def unread(self, events: Iterable[InboxEvent]) -> list[InboxEvent]:
        """Return those of the events that the person has not read."""
        found = list(events)
        self._load({each.group for each in found})
        return [each for each in found if not self._is_read(each)]

    def _is_read(self, event: InboxEvent) -> bool:
        # A pending event will have another position when it is relayed.
        by_position = event.relayed and event.position <= self._read_up_to[event.group]
        return by_position or event.pk in self._read_pending

    @cached_property
    def _read_pending(self) -> frozenset[int]:
        return self.state.read_pending_keys

    def _load(self, groups: set[str]) -> None:
        """Read up to which position each of these groups is read."""
        unknown = groups - self._read_up_to.keys()
        if not unknown:
            return
        marks = self._valid_marks().filter(group__in=unknown)
        self._read_up_to |= dict.fromkeys(unknown, self.state.read_up_to)
        self._read_up_to |= dict(marks.values_list("group", "up_to"))

    def all_read_up_to(self) -> int:
        """Return a position up to which nothing is unread.

        Otherwise a count after everything was read would read all that it may.
        """
        read_up_to = self.state.read_up_to
        if not read_up_to:
            return 0
        marks = self._valid_marks().filter(up_to__lt=read_up_to)
        oldest: int | None = marks.aggregate(oldest=Min("up_to"))["oldest"]
        return read_up_to if oldest is None else oldest

    def _valid_marks(self) -> QuerySet[ReadMark]:
        """Return the marks that were set after everything was read."""
        return ReadMark.objects.filter(
            user=self._user, version__gt=self.state.read_version
        )
