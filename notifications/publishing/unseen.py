"""Unseen counts: the numbers on the bell, sent to a person's streams when they change.

A control entry carries the count from the database; the hub adds the events that come
after it in the log. It is counted after the change has committed, without any lock.
"""

import logging
import uuid
from collections.abc import Iterable
from typing import Any

from notifications import databases
from notifications.exceptions import LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.log.stream import shared_log
from notifications.models import COUNT_LIMIT, DueCount, Inbox, is_marked_pending
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import CountEntry, encode

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How many times a person is counted at most while other processes are faster.
ATTEMPTS = 5


def count_unseen(inbox: Inbox, *, up_to: Cursor | None) -> int:
    """Return how many events of an inbox are not seen, counted up to COUNT_LIMIT.

    With a cursor, only events up to it in the log count: a stream that starts at the
    cursor gets the others.
    """
    if up_to is None:
        return _count_rows(inbox, up_to=None)[0]
    relayed, pending = _count_rows(inbox, up_to=up_to)
    try:
        return _add_logged(relayed, pending, up_to)
    except LogUnavailable:
        # Events that are relayed later are counted by the hub.
        return relayed


def _count_rows(inbox: Inbox, *, up_to: Cursor | None) -> tuple[int, list[uuid.UUID]]:
    """Return how many unseen events are relayed, and the uids of pending ones.

    Without a cursor, pending events count as well.
    """
    count = 0
    pending = []
    for event in inbox.unseen():
        if up_to is None or (event.relayed and event.position <= up_to.position):
            count += 1
        elif not event.relayed:
            pending.append(event.uid)
        if count >= COUNT_LIMIT:
            return COUNT_LIMIT, []
    return count, pending


def _add_logged(count: int, pending: Iterable[uuid.UUID], up_to: Cursor) -> int:
    """Add the pending events that are in the log up to a cursor to a count.

    The process that relays an event marks its row after it is in the log. Raises
    LogUnavailable.
    """
    cursors = shared_log().cursors([str(uid) for uid in pending])
    count += sum(cursor is not None and cursor <= up_to for cursor in cursors)
    return min(count, COUNT_LIMIT)


def relay_counts(due: Iterable[DueCount], *, is_sweep: bool = False) -> int:
    """Append the current count of each person who is due; return how many rows that is.

    Several rows of a person make one count. Some rows are left to the sweep: those of
    people whom other processes count all the time, and of those who have seen or read
    events that are pending, since streams count these when they are relayed. Raises
    LogUnavailable, and what is not in the log yet stays due.
    """
    rows: dict[Any, list[int]] = {}
    for row in due:
        rows.setdefault(row.user_id, []).append(row.pk)
    model: Any = DueCount._meta.get_field("user").related_model
    people = model._base_manager.in_bulk(rows)
    relayed = 0
    for key in sorted(rows):
        # Nobody has open streams after their account was deleted.
        if key not in people or _relay_count(people[key], is_sweep=is_sweep):
            counted = DueCount.objects.filter(user=key, pk__in=rows[key])
            # One statement, where `delete` would begin and end a transaction for it.
            counted._raw_delete(databases.write_alias())
            relayed += len(rows[key])
    return relayed


def _relay_count(user: Any, *, is_sweep: bool) -> bool:
    """Append a person's current count; tell whether that settles what is due."""
    inbox = _append_count(user)
    return inbox is not None and (is_sweep or not is_marked_pending(inbox.state))


def _append_count(user: Any) -> Inbox | None:
    """Count a person's unseen events for the log; return the inbox that was counted.

    Whatever committed before the newest cursor is read is included in the count. The
    log refuses it if there is another one after that cursor, which may include more.
    Returns None if that happens all the time.
    """
    for _ in range(ATTEMPTS):
        newest = shared_log().position()
        inbox = Inbox(user)
        entry = CountEntry(
            uid=str(uuid.uuid4()),
            user=str(user.pk),
            unseen_count=_add_logged(*_count_rows(inbox, up_to=newest), newest),
            as_of=str(newest),
        )
        if shared_log().append_count(entry.user, encode(entry), counted_at=newest):
            return inbox
    logger.warning("count=postponed user=%s attempts=%d", user.pk, ATTEMPTS)
    return None
