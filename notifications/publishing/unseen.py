"""How much people have not seen, told to their streams whenever they change it.

An entry of the log carries the number as the database has it; what comes after it in
the log, the hub adds.
"""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q

from notifications.exceptions import LogUnavailable
from notifications.log.stream import shared_log
from notifications.models import COUNT_LIMIT, Event, ReadState
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import CountEntry
from notifications.publishing import outbox


def count_unseen(user: Any, *, up_to: Cursor | None) -> int:
    """Return how many events a person has not seen, counted up to COUNT_LIMIT.

    With a cursor, those that stand in the log up to there: who streams on from it is
    told of the others.
    """
    if up_to is None:
        return Event.objects.count_unseen(user)
    unseen = Event.objects.unseen(user).order_by()
    marked = Q(relayed__isnull=False, position__lte=up_to.position)
    # By one query: between two, an event could be relayed and be in neither.
    found = unseen.filter(marked | Q(relayed=None)).values_list("uid", "relayed")
    rows = list(found[:COUNT_LIMIT])
    pending = [uid for uid, relayed in rows if relayed is None]
    count = len(rows) - len(pending)
    if pending and len(rows) == COUNT_LIMIT:
        # They may have taken the place of others.
        count = unseen.filter(marked).exclude(uid__in=pending)[:COUNT_LIMIT].count()
    return min(count + _count_logged(pending, up_to), COUNT_LIMIT)


def _count_logged(uids: Iterable[uuid.UUID], up_to: Cursor) -> int:
    """Return how many of these events stand in the log, whatever their rows say."""
    try:
        cursors = shared_log().cursors([str(uid) for uid in uids])
    except LogUnavailable:
        # What comes to the log after this comes to the streams as well.
        return 0
    return sum(cursor is not None and cursor <= up_to for cursor in cursors)


@transaction.atomic
def record_unseen_count(user: Any) -> None:
    """Record, in the current transaction, how much a person has not seen now."""
    # Two that change it at once take turns, so that the later entry knows both.
    ReadState.locked(user)
    newest = Event.objects.newest_cursor()
    entry = CountEntry(
        uid=str(uuid.uuid4()),
        user=str(user.pk),
        unseen_count=count_unseen(user, up_to=newest),
        as_of=str(newest),
    )
    outbox.record_control(entry)
