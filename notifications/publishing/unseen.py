"""Unseen counts: the numbers on the bell, sent to a person's streams when they change.

A control entry carries the count from the database; the hub adds the events that come
after it in the log. It is counted after the change has committed, without any lock.
"""

import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

from django.db import DatabaseError

from notifications import databases
from notifications.exceptions import LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.log.stream import shared_log
from notifications.models import COUNT_LIMIT, DueCount, Inbox, is_marked_pending
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import CountEntry, encode

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How many due counts are relayed at a time: the first waits for the last.
COUNT_BATCH = 50
# How many times a person is counted at most while other processes are faster.
ATTEMPTS = 3


def count_unseen(inbox: Inbox, *, up_to: Cursor | None) -> int:
    """Return how many events of an inbox are not seen, counted up to COUNT_LIMIT.

    With a cursor, only events up to it in the log count: a stream that starts at the
    cursor gets the others.
    """
    if up_to is None:
        return _count_rows(inbox, up_to=None)[0]
    relayed, pending = _count_rows(inbox, up_to=up_to)
    try:
        [count] = _add_logged([(relayed, pending)], up_to)
    except LogUnavailable:
        # Events that are relayed later are counted by the hub.
        return relayed
    return count


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


def _add_logged(
    counts: Sequence[tuple[int, list[uuid.UUID]]], up_to: Cursor
) -> list[int]:
    """Return each count with those of its pending events that are in the log already.

    The process that relays an event marks its row after it is in the log. Only events
    up to a cursor count. Raises LogUnavailable.
    """
    pending = {str(uid) for _, uids in counts for uid in uids}
    cursors = shared_log().cursors(list(pending))
    logged = {
        uid
        for uid, cursor in zip(pending, cursors, strict=True)
        if cursor is not None and cursor <= up_to
    }
    return [
        min(count + sum(str(uid) in logged for uid in uids), COUNT_LIMIT)
        for count, uids in counts
    ]


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
    counted = _append_counts(people)
    settled = {
        key
        for key in rows
        # Nobody has open streams after their account was deleted.
        if key not in people or _is_settled(counted.get(key), is_sweep=is_sweep)
    }
    keys = [row for user in settled for row in rows[user]]
    relayed = DueCount.objects.filter(pk__in=keys, user__in=settled)
    # One statement, where `delete` would begin and end a transaction for it.
    relayed._raw_delete(databases.write_alias())
    return len(keys)


def _is_settled(counted: Inbox | None, *, is_sweep: bool) -> bool:
    return counted is not None and (is_sweep or not is_marked_pending(counted.state))


def _append_counts(people: Mapping[Any, Any]) -> dict[Any, Inbox]:
    """Count the unseen events of people, given by key, for the log.

    Whatever committed before the newest cursor is read is included in the counts. The
    log refuses a count if there is another one after that cursor, which may include
    more; that person is counted again. Returns the inboxes of those who were counted,
    or cannot be.
    """
    counted: dict[Any, Inbox] = {}
    for _ in range(ATTEMPTS):
        waiting = sorted(people.keys() - counted.keys())
        if not waiting:
            return counted
        newest = shared_log().position()
        inboxes = {key: Inbox(people[key]) for key in waiting}
        found = _count_each(inboxes, up_to=newest)
        # Those who cannot be counted are not due again before their next change.
        counted |= {key: inboxes[key] for key in inboxes.keys() - found.keys()}
        totals = _add_logged([*found.values()], newest)
        entries = [
            (str(key), _encode(key, count, as_of=newest))
            for key, count in zip(found, totals, strict=True)
        ]
        taken = shared_log().append_counts(entries, counted_at=newest)
        counted |= {key: inboxes[key] for key in compress(found, taken)}
    if missing := people.keys() - counted.keys():
        logger.info("count=postponed people=%d attempts=%d", len(missing), ATTEMPTS)
    return counted


def _count_each(
    inboxes: Mapping[Any, Inbox], *, up_to: Cursor
) -> dict[Any, tuple[int, list[uuid.UUID]]]:
    """Return what `_count_rows` does for each person who can be counted."""
    found = {}
    for key, inbox in inboxes.items():
        # A count takes milliseconds. SQLite would let no other greenlet work meanwhile.
        time.sleep(0)
        try:
            found[key] = _count_rows(inbox, up_to=up_to)
        except DatabaseError:
            raise
        # The site's AUTHORIZE may raise anything, and others are to be counted still.
        except Exception:
            logger.exception("count=failed user=%s", key)
    return found


def _encode(user: Any, count: int, *, as_of: Cursor) -> bytes:
    return encode(
        CountEntry(
            uid=str(uuid.uuid4()),
            user=str(user),
            unseen_count=count,
            as_of=str(as_of),
        )
    )
