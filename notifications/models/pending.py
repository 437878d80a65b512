"""What a person has seen and read while it was pending, kept by event.

The position of an event changes when it is relayed, so a mark by position would not
cover it any longer.
"""

from collections.abc import Iterable

from django.db.models import Q

from notifications.models.events import Event
from notifications.models.inbox import Inbox
from notifications.models.inbox_events import InboxEvent
from notifications.models.reading import ReadMark, ReadState
from notifications.protocol.cursor import Cursor

# How far the clocks of the processes that record events may differ.
CLOCK_MARGIN = Cursor(60_000, 0).position


def pending_events(inbox: Inbox) -> list[InboxEvent]:
    """Return the events of an inbox that are not in the log yet, newest first."""
    positions = Event.objects.pending().values_list("position", flat=True)
    oldest = positions.first()
    if oldest is None:
        return []
    batches = inbox.batches(after=oldest - CLOCK_MARGIN)
    return [each for batch in batches for each in batch.events if not each.relayed]


def is_marked_pending(state: ReadState) -> bool:
    """Tell whether an event that the person has seen or read is still pending."""
    marked = {*state.seen_pending_keys, *state.read_pending_keys}
    return bool(marked) and Event.objects.pending().filter(pk__in=marked).exists()


def forget_seen(state: ReadState) -> None:
    """Drop what `seen_up_to` covers as well from the events seen while pending."""
    covered = Q(relayed__isnull=False, position__lte=state.seen_up_to)
    state.remove_seen_pending(_covered(state.seen_pending_keys, covered))


def forget_read(state: ReadState) -> None:
    """Drop what `read_up_to` covers as well from the events read while pending."""
    marks = ReadMark.objects.filter(
        user=state.user_id, version__gt=state.read_version
    ).values("group")
    covered = Q(relayed__isnull=False, position__lte=state.read_up_to)
    keys = _covered(state.read_pending_keys, covered & ~Q(group__in=marks))
    state.remove_read_pending(keys)


def _covered(keys: Iterable[int], condition: Q) -> list[int]:
    """Return those of the events that meet a condition."""
    marked = [*keys]
    if not marked:
        return []
    found = Event.objects.filter(condition, pk__in=marked)
    return list(found.values_list("pk", flat=True))
