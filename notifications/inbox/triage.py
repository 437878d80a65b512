"""Changes many rows of an inbox at once: reads them, and sorts them away or back.

A row is given by the newest event that the person was shown of it. As in `read_state`,
each change is relayed to the person's other streams.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from notifications import databases
from notifications.inbox.read_state import ROWS, log_position, undo_token
from notifications.models import (
    Inbox,
    InboxEvent,
    ReadMark,
    ReadState,
    RowState,
    pending_events,
)
from notifications.models.events import provisional_position
from notifications.publishing import outbox

# How many rows one change may have.
MAX_ROWS = 500


@databases.atomic()
def read_rows(user: Any, rows: Iterable[InboxEvent], *, done: bool = False) -> str:
    """Mark rows as read, and with `done` as done; return a token to undo it."""
    inbox, newest = Inbox(user), _newest_by_group(rows)
    pending = _pending(inbox, newest)
    up_to = {
        group: log_position(inbox, each, each.position)
        for group, each in newest.items()
    }
    state = ReadState.locked(user)
    state.version += 1
    keys = {key for found in pending.values() for key in found}
    state.add_read_pending(dict.fromkeys(keys, state.version))
    state.save()
    _mark(state, up_to)
    if done:
        _finish(state, up_to, pending)
    outbox.record_due_count(user.pk)
    return undo_token(user, ROWS, state.version)


def finish_rows(user: Any, rows: Iterable[InboxEvent]) -> str:
    """Mark rows as read and done; return a token to undo it."""
    return read_rows(user, rows, done=True)


@databases.atomic()
def reopen_rows(user: Any, rows: Iterable[InboxEvent]) -> str:
    """Move rows that are done back to the inbox; return a token to undo it."""
    groups = [*_newest_by_group(rows)]
    state = ReadState.locked(user)
    state.version += 1
    state.save()
    states = RowState.objects.filter(user=user, group__in=groups)
    for each in states:
        each.done_before, each.done_up_to = each.done_up_to, 0
        each.done_version, each.done_pending = state.version, None
    RowState.objects.bulk_update(
        states, ["done_before", "done_up_to", "done_version", "done_pending"]
    )
    outbox.record_due_count(user.pk)
    return undo_token(user, ROWS, state.version)


@databases.atomic()
def save_rows(user: Any, rows: Iterable[InboxEvent]) -> None:
    """Save rows for later; the first of them is the first of the saved ones."""
    groups = [*_newest_by_group(rows)]
    ReadState.locked(user)
    RowState.objects.bulk_create(
        [
            RowState(user=user, group=group, saved=provisional_position())
            for group in reversed(groups)
        ],
        update_conflicts=True,
        unique_fields=["user", "group"],
        update_fields=["saved"],
    )
    outbox.record_due_count(user.pk)


@databases.atomic()
def unsave_rows(user: Any, rows: Iterable[InboxEvent]) -> None:
    """Save rows no longer."""
    groups = [*_newest_by_group(rows)]
    RowState.objects.filter(user=user, group__in=groups).update(saved=None)
    outbox.record_due_count(user.pk)


def _newest_by_group(rows: Iterable[InboxEvent]) -> dict[str, InboxEvent]:
    newest: dict[str, InboxEvent] = {}
    for each in rows:
        if each.position >= newest.get(each.group, each).position:
            newest[each.group] = each
    return newest


def _pending(inbox: Inbox, newest: Mapping[str, InboxEvent]) -> Mapping[str, set[int]]:
    """Return the keys of the pending events of rows, by group."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for each in pending_events(inbox):
        if each.group in newest and each.position <= newest[each.group].position:
            found[each.group].add(each.pk)
    for group, each in newest.items():
        # It may have been relayed since it was loaded, and is further on in the log.
        if not each.relayed:
            found[group].add(each.pk)
    return found


def _mark(state: ReadState, up_to: Mapping[str, int]) -> None:
    """Mark groups as read up to a position each, by the version of the state."""
    found = ReadMark.objects.filter(user=state.user, group__in=[*up_to])
    marks = {mark.group: mark for mark in found}
    ReadMark.objects.bulk_create(
        [
            _changed_mark(state, marks.get(group), group, up_to[group])
            for group in up_to
        ],
        update_conflicts=True,
        unique_fields=["user", "group"],
        update_fields=["up_to", "version", "undo_up_to", "undo_version"],
    )


def _changed_mark(
    state: ReadState, before: ReadMark | None, group: str, up_to: int
) -> ReadMark:
    # What was read before stays read.
    valid = before is not None and before.version > state.read_version
    read_up_to = before.up_to if before and valid else state.read_up_to
    return ReadMark(
        user=state.user,
        group=group,
        up_to=max(up_to, read_up_to),
        version=state.version,
        undo_up_to=before.up_to if before else None,
        undo_version=before.version if before else None,
    )


def _finish(
    state: ReadState, up_to: Mapping[str, int], pending: Mapping[str, set[int]]
) -> None:
    """Mark groups as done up to a position each, by the version of the state."""
    found = RowState.objects.filter(user=state.user, group__in=[*up_to])
    before = dict(found.values_list("group", "done_up_to"))
    RowState.objects.bulk_create(
        [
            RowState(
                user=state.user,
                group=group,
                done_up_to=max(position, before.get(group, 0)),
                done_pending=sorted(pending[group]) if pending.get(group) else None,
                done_version=state.version,
                done_before=before.get(group, 0),
            )
            for group, position in up_to.items()
        ],
        update_conflicts=True,
        unique_fields=["user", "group"],
        update_fields=["done_up_to", "done_pending", "done_version", "done_before"],
    )
