"""Unseen counts: the numbers on the bell, sent to a person's streams when they change.

A control entry carries the count from the database; the hub adds the events that come
after it in the log.
"""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from notifications.exceptions import LogUnavailable
from notifications.log.stream import shared_log
from notifications.models import COUNT_LIMIT, Event, Inbox, ReadState
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import CountEntry
from notifications.publishing import outbox


def count_unseen(inbox: Inbox, *, up_to: Cursor | None) -> int:
    """Return how many events of an inbox are not seen, counted up to COUNT_LIMIT.

    With a cursor, only events up to it in the log count: a stream that starts at the
    cursor gets the others.
    """
    relayed, pending = 0, []
    for event in inbox.unseen():
        if up_to is None or (event.relayed and event.position <= up_to.position):
            relayed += 1
        elif not event.relayed:
            pending.append(event.uid)
        if relayed >= COUNT_LIMIT:
            return COUNT_LIMIT
    if up_to is None:
        return relayed
    return min(relayed + _count_logged(pending, up_to), COUNT_LIMIT)


def _count_logged(uids: Iterable[uuid.UUID], up_to: Cursor) -> int:
    """Return how many of these pending events are in the log up to a cursor.

    The process that relays an event marks its row after it is in the log.
    """
    try:
        cursors = shared_log().cursors([str(uid) for uid in uids])
    except LogUnavailable:
        # Events that are relayed later are counted by the hub.
        return 0
    return sum(cursor is not None and cursor <= up_to for cursor in cursors)


@transaction.atomic
def record_unseen_count(user: Any) -> None:
    """Record a person's unseen count in the current transaction."""
    # Concurrent changes take turns, so that the later count includes both.
    ReadState.locked(user)
    newest = Event.objects.newest_cursor()
    entry = CountEntry(
        uid=str(uuid.uuid4()),
        user=str(user.pk),
        unseen_count=count_unseen(Inbox(user), up_to=newest),
        as_of=str(newest),
    )
    outbox.record_control(entry)
