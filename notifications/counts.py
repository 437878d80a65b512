"""How much people have not seen, told to their streams whenever they change it.

An entry of the log carries the number as the database has it; what comes after it in
the log, the hub adds.
"""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from notifications import outbox
from notifications.cursor import Cursor
from notifications.entries import CountEntry
from notifications.exceptions import LogUnavailable
from notifications.log import shared_log
from notifications.models import COUNT_LIMIT, Event, ReadState


def count_unseen(user: Any, *, up_to: Cursor | None) -> int:
    """Return how many events a person has not seen, counted up to COUNT_LIMIT.

    With a cursor, those that stand in the log up to there: who streams on from it is
    told of the others.
    """
    if up_to is None:
        return Event.objects.count_unseen(user)
    # First, since those that are relayed meanwhile are in the log by then.
    newest_pending = Event.objects.pending().order_by("-pk")[:COUNT_LIMIT]
    pending = list(newest_pending.values_list("pk", flat=True))
    unseen = Event.objects.unseen(user).order_by()
    marked = unseen.filter(relayed__isnull=False, position__lte=up_to.position)
    count = marked.exclude(pk__in=pending)[:COUNT_LIMIT].count()
    if pending:
        uids = unseen.filter(pk__in=pending).values_list("uid", flat=True)
        count += _count_logged(uids, up_to)
    return min(count, COUNT_LIMIT)


def _count_logged(uids: Iterable[uuid.UUID], up_to: Cursor) -> int:
    """Return how many of these events stand in the log, whatever their rows say."""
    try:
        cursors = shared_log().cursors([str(uid) for uid in uids])
    except LogUnavailable:
        # What comes to the log after this comes to the streams as well.
        return 0
    return sum(cursor is not None and cursor <= up_to for cursor in cursors)


@transaction.atomic
def tell_count(user: Any) -> None:
    """Record, in the current transaction, how much a person has not seen now."""
    # Two that change it at once take turns, so that the later entry knows both.
    ReadState.locked(user)
    newest = Event.objects.newest_cursor()
    entry = CountEntry(
        uid=str(uuid.uuid4()),
        user=str(user.pk),
        unseen=count_unseen(user, up_to=newest),
        as_of=str(newest),
    )
    outbox.record_control(entry)
