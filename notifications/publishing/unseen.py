"""Unseen counts: the numbers on the bell, sent to a person's streams when they change.

A control entry carries the count from the database; the hub adds the events that come
after it in the log. It is counted after the change has committed, without any lock.
"""

import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any, NamedTuple

from django.db import DatabaseError

from notifications import databases
from notifications.exceptions import LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.log.stream import shared_log
from notifications.models import COUNT_LIMIT, DueCount, Inbox, is_marked_pending
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import CountEntry, encode, row_key

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How many due counts are relayed at a time: the first waits for the last.
COUNT_BATCH = 50
# How many times a person is counted at most while other processes are faster.
ATTEMPTS = 3


class Unseen(NamedTuple):
    """The events that a person has not seen, by the keys of their rows.

    `relayed` has the key of each that is in the log, and `pending` those of the others
    by their uids.
    """

    relayed: list[str]
    pending: dict[str, str]


def unseen_rows(inbox: Inbox, *, up_to: Cursor | None) -> list[str]:
    """Return the key of the row of each event that is not seen, up to COUNT_LIMIT.

    With a cursor, only events up to it in the log count: a stream that starts at the
    cursor gets the others.
    """
    unseen = _read_unseen(inbox, up_to=up_to)
    if up_to is None:
        return unseen.relayed
    try:
        [rows] = _add_logged([unseen], up_to)
    except LogUnavailable:
        # Events that are relayed later are counted by the hub.
        return unseen.relayed
    return rows


def _read_unseen(inbox: Inbox, *, up_to: Cursor | None) -> Unseen:
    """Return the unseen events; without a cursor, pending ones count as relayed."""
    found = Unseen([], {})
    for event in inbox.unseen():
        if up_to is None or (event.relayed and event.position <= up_to.position):
            found.relayed.append(row_key(event.group))
        elif not event.relayed:
            found.pending[str(event.uid)] = row_key(event.group)
        if len(found.relayed) >= COUNT_LIMIT:
            return Unseen(found.relayed, {})
    return found


def _add_logged(unseen: Sequence[Unseen], up_to: Cursor) -> list[list[str]]:
    """Return the keys of each, with those of pending events that are in the log.

    The process that relays an event marks its row after it is in the log. Only events
    up to a cursor count. Raises LogUnavailable.
    """
    pending = {uid for each in unseen for uid in each.pending}
    cursors = shared_log().cursors(list(pending))
    logged = {
        uid
        for uid, cursor in zip(pending, cursors, strict=True)
        if cursor is not None and cursor <= up_to
    }
    return [
        [
            *each.relayed,
            *(row for uid, row in each.pending.items() if uid in logged),
        ][:COUNT_LIMIT]
        for each in unseen
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
        found = _read_each(inboxes, up_to=newest)
        # Those who cannot be counted are not due again before their next change.
        counted |= {key: inboxes[key] for key in inboxes.keys() - found.keys()}
        unseen = _add_logged([*found.values()], newest)
        entries = [
            (str(key), _encode(key, rows, as_of=newest))
            for key, rows in zip(found, unseen, strict=True)
        ]
        taken = shared_log().append_counts(entries, counted_at=newest)
        counted |= {key: inboxes[key] for key in compress(found, taken)}
    if missing := people.keys() - counted.keys():
        logger.info("count=postponed people=%d attempts=%d", len(missing), ATTEMPTS)
    return counted


def _read_each(inboxes: Mapping[Any, Inbox], *, up_to: Cursor) -> dict[Any, Unseen]:
    """Return the unseen events of each person who can be counted."""
    found = {}
    for key, inbox in inboxes.items():
        # A count takes milliseconds. SQLite would let no other greenlet work meanwhile.
        time.sleep(0)
        try:
            found[key] = _read_unseen(inbox, up_to=up_to)
        except DatabaseError:
            raise
        # The site's AUTHORIZE may raise anything, and others are to be counted still.
        except Exception:
            logger.exception("count=failed user=%s", key)
    return found


def _encode(user: Any, rows: Sequence[str], *, as_of: Cursor) -> bytes:
    return encode(
        CountEntry(
            uid=str(uuid.uuid4()),
            user=str(user),
            unseen_count=len(rows),
            rows=tuple(rows),
            as_of=str(as_of),
        )
    )
