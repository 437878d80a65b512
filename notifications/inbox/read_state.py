"""Changes what a person has seen and read of their inbox, and undoes it.

Each change is relayed to the person's other streams; it is recorded with it, in the
same transaction.
"""

from typing import Any

from django.core import signing
from django.db import transaction

from notifications.exceptions import InvalidValue
from notifications.models import Event, Inbox, ReadMark, ReadState
from notifications.publishing import outbox

_SALT = "notifications.undo"
# What a token undoes.
ALL, GROUP = "all", "group"


@transaction.atomic
def see_all(user: Any) -> None:
    """Mark everything in a person's inbox as seen; it may stay unread."""
    newest = Inbox(user).newest_position()
    state = ReadState.locked(user)
    if newest > state.seen_up_to:
        state.seen_up_to = newest
        state.save()
        outbox.record_due_count(user.pk)


@transaction.atomic
def read_all(user: Any, event: Event) -> str:
    """Mark everything up to an event as read; return a token to undo it.

    What was read before stays read.
    """
    state = ReadState.locked(user)
    before = [state.read_up_to, state.read_version]
    state.read_up_to = max(state.read_up_to, event.position)
    state.read_version = state.version + 1
    state.version += 2
    state.save()
    # Marks beyond the event stay in effect.
    marks = ReadMark.objects.filter(user=user, up_to__gt=event.position)
    marks.filter(version__gt=before[1]).update(version=state.version)
    outbox.record_due_count(user.pk)
    return _token(user, ALL, state.read_version, *before)


@transaction.atomic
def read_group(user: Any, event: Event) -> str:
    """Mark an event and the older ones of its group as read; return an undo token."""
    return _mark(user, event.group, up_to=event.position)


@transaction.atomic
def unread_event(user: Any, event: Event) -> str:
    """Mark an event and the newer ones of its group as unread; return an undo token."""
    return _mark(user, event.group, up_to=event.position - 1)


def _mark(user: Any, group: str, *, up_to: int) -> str:
    state = ReadState.locked(user)
    before = ReadMark.objects.filter(user=user, group=group).first()
    state.version += 1
    state.save()
    ReadMark.objects.update_or_create(
        user=user, group=group, defaults={"up_to": up_to, "version": state.version}
    )
    outbox.record_due_count(user.pk)
    previous = [before.up_to, before.version] if before else []
    return _token(user, GROUP, state.version, group, *previous)


@transaction.atomic
def undo(user: Any, token: str) -> None:
    """Restore the state before the change that returned this token.

    Does nothing if the same was marked again since. Raises InvalidValue for a token
    that is invalid or another person's.
    """
    kind, version, *before = _read_token(user, token)
    state = ReadState.locked(user)
    if kind == ALL:
        _undo_all(state, version, before)
    else:
        _undo_group(user, version, before)
    outbox.record_due_count(user.pk)


def _undo_all(state: ReadState, version: int, before: list[Any]) -> None:
    if state.read_version == version:
        state.read_up_to, state.read_version = before
        state.save()


def _undo_group(user: Any, version: int, before: list[Any]) -> None:
    group, *previous = before
    marks = ReadMark.objects.filter(user=user, group=group, version=version)
    if previous:
        marks.update(up_to=previous[0], version=previous[1])
    else:
        marks.delete()


def _token(user: Any, *parts: Any) -> str:
    return signing.dumps(parts, salt=f"{_SALT}:{user.pk}")


def _read_token(user: Any, token: str) -> list[Any]:
    try:
        parts: list[Any] = signing.loads(token, salt=f"{_SALT}:{user.pk}")
    except signing.BadSignature:
        raise InvalidValue(token, expected="an undo token of this person") from None
    return parts
