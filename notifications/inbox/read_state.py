"""Changes what a person has seen and read of their inbox, and undoes it.

Each change is relayed to the person's other streams; it is recorded with it, in the
same transaction.
"""

from collections.abc import Mapping
from copy import copy
from types import MappingProxyType
from typing import Any

from django.core import signing

from notifications import databases
from notifications.exceptions import InvalidValue
from notifications.models import (
    Event,
    Inbox,
    InboxEvent,
    ReadMark,
    ReadState,
    RowState,
    forget_read,
    forget_seen,
    pending_events,
    undo_rows,
)
from notifications.publishing import outbox
from notifications.publishing.event_types import thread_groups

# The number changes with the content of the tokens.
_SALT = "notifications.undo.2"
# What a token undoes.
ALL, GROUP, ROWS = "all", "group", "rows"
_NONE: Mapping[int, int] = MappingProxyType({})


@databases.atomic()
def see_all(user: Any) -> None:
    """Mark everything in a person's inbox as seen; it may stay unread."""
    inbox = Inbox(user)
    # Before the newest position: what is relayed in between is among either.
    pending = {each.pk for each in pending_events(inbox)}
    newest = inbox.newest_position()
    state = ReadState.locked(user)
    if newest > state.seen_up_to or not pending <= state.seen_pending_keys:
        state.seen_up_to = max(newest, state.seen_up_to)
        state.add_seen_pending(pending)
        forget_seen(state)
        state.save()
        outbox.record_due_count(user.pk)


@databases.atomic()
def read_all(user: Any, event: Event) -> str:
    """Mark everything up to an event as read; return a token to undo it.

    What was read before stays read.
    """
    inbox = Inbox(user)
    pending = _pending(inbox, event)
    up_to = log_position(inbox, event, event.position)
    state = ReadState.locked(user)
    before = [state.read_up_to, state.read_version]
    forget_read(state)
    state.read_up_to = max(state.read_up_to, up_to)
    state.read_version = state.version + 1
    state.version += 2
    state.add_read_pending(dict.fromkeys(pending, state.read_version))
    state.save()
    # Marks beyond the event stay in effect.
    marks = ReadMark.objects.filter(user=user, up_to__gt=event.position)
    marks.filter(version__gt=before[1]).update(version=state.version)
    outbox.record_due_count(user.pk)
    return undo_token(user, ALL, state.read_version, *before)


def _pending(inbox: Inbox, event: Event, *, group: str | None = None) -> set[int]:
    """Return the keys of pending events up to an event, of a group or of all."""
    found = {
        each.pk
        for each in pending_events(inbox)
        if each.position <= event.position and group in (None, each.group)
    }
    # It may have been relayed since it was loaded, and is further on in the log now.
    return found if event.relayed else {*found, event.pk}


def log_position(inbox: Inbox, event: Event | InboxEvent, position: int) -> int:
    """Return a position as that of an event that is relayed, for a mark by position.

    That of a pending event may be later than the log, and the mark would cover events
    that are relayed after it.
    """
    return position if event.relayed else inbox.newest_position(up_to=position)


@databases.atomic()
def read_group(user: Any, event: Event) -> str:
    """Mark an event and the older ones of its group as read; return an undo token."""
    inbox = Inbox(user)
    pending = _pending(inbox, event, group=event.group)
    up_to = log_position(inbox, event, event.position)
    state = ReadState.locked(user)
    state.add_read_pending(dict.fromkeys(pending, state.version + 1))
    return _mark(state, event.group, up_to=up_to)


def read_topic(user: Any, topic: str) -> None:
    """Mark what a person's inbox has about a topic as read, as after reading its page.

    That includes the threads about its object. Nothing is locked or written if all of
    it is read.
    """
    groups = thread_groups(topic)
    if Inbox(user).unread_about(topic, groups):
        _read_topic(user, topic, groups)


@databases.atomic()
def _read_topic(user: Any, topic: str, groups: set[str]) -> None:
    state = ReadState.locked(user)
    # Once more, since others may have marked some of it in the meantime.
    events = Inbox(user).unread_about(topic, groups)
    state.version += 1
    pending = [each.pk for each in events if not each.relayed]
    state.add_read_pending(dict.fromkeys(pending, state.version))
    state.save()
    # The newest of each group is last.
    up_to = {each.group: each.position for each in reversed(events) if each.relayed}
    ReadMark.objects.bulk_create(
        [
            ReadMark(user=user, group=group, up_to=position, version=state.version)
            for group, position in up_to.items()
        ],
        update_conflicts=True,
        unique_fields=["user", "group"],
        update_fields=["up_to", "version"],
    )
    outbox.record_due_count(user.pk)


@databases.atomic()
def unread_event(user: Any, event: Event) -> str:
    """Mark an event and the newer ones of its group as unread; return an undo token."""
    state = ReadState.locked(user)
    newer = Event.objects.filter(
        pk__in=state.read_pending_keys,
        group=event.group,
        position__gte=event.position,
    )
    unread = state.remove_read_pending(newer.values_list("pk", flat=True))
    up_to = log_position(Inbox(user), event, event.position - 1)
    # What is done is read.
    done = RowState.objects.filter(user=user, group=event.group)
    done.update(done_up_to=0, done_pending=None, done_version=0)
    return _mark(state, event.group, up_to=up_to, unread=unread)


def _mark(
    state: ReadState, group: str, *, up_to: int, unread: Mapping[int, int] = _NONE
) -> str:
    """Save a state and how far a group is read; return an undo token.

    `unread` are the events that are no longer kept as read, with their versions.
    """
    user = state.user
    before = ReadMark.objects.filter(user=user, group=group).first()
    state.version += 1
    state.save()
    # The locked state keeps others from creating the same mark.
    mark = ReadMark(user=user, group=group) if before is None else copy(before)
    mark.up_to, mark.version = up_to, state.version
    mark.save()
    outbox.record_due_count(user.pk)
    previous = [before.up_to, before.version] if before else []
    return undo_token(user, GROUP, state.version, group, [*unread.items()], *previous)


@databases.atomic()
def undo(user: Any, token: str) -> None:
    """Restore the state before the change that returned this token.

    Does nothing if the same was marked again since. Raises InvalidValue for a token
    that is invalid or another person's.
    """
    kind, version, *before = _read_token(user, token)
    state = ReadState.locked(user)
    if kind == ALL:
        _undo_all(state, version, before)
    elif kind == ROWS:
        undo_rows(state, version)
    else:
        _undo_group(state, version, before)
    outbox.record_due_count(user.pk)


def _undo_all(state: ReadState, version: int, before: list[Any]) -> None:
    if state.read_version == version:
        state.read_up_to, state.read_version = before
        state.remove_read_pending(state.read_pending_by(version))
        state.save()


def _undo_group(state: ReadState, version: int, before: list[Any]) -> None:
    group, unread, *previous = before
    marks = ReadMark.objects.filter(user=state.user_id, group=group, version=version)
    if previous:
        found = marks.update(up_to=previous[0], version=previous[1])
    else:
        found, _ = marks.delete()
    # Everything may have been marked as read since.
    if found and version > state.read_version:
        state.remove_read_pending(state.read_pending_by(version))
        state.add_read_pending(dict(unread))
        state.save()


def undo_token(user: Any, *parts: Any) -> str:
    """Return a token that undoes a change of this person."""
    return signing.dumps(parts, salt=f"{_SALT}:{user.pk}")


def _read_token(user: Any, token: str) -> list[Any]:
    try:
        parts: list[Any] = signing.loads(token, salt=f"{_SALT}:{user.pk}")
    except signing.BadSignature:
        raise InvalidValue(token, expected="an undo token of this person") from None
    return parts
