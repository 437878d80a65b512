"""Seen, read, and undone: what a person does with their inbox.

Every change is told to their other streams in the same transaction.
"""

from typing import Any

from django.core import signing
from django.db import transaction

from notifications.exceptions import InvalidValue
from notifications.models import Event, ReadMark, ReadState
from notifications.publishing.unseen import record_unseen_count

_SALT = "notifications.undo"
# Which an undo puts back: what was marked, as a short name.
ALL, GROUP = "all", "group"


@transaction.atomic
def see_all(user: Any) -> None:
    """Note that a person has seen all that is in their inbox; it may stay unread."""
    newest = Event.objects.inbox(user).values_list("position", flat=True).first() or 0
    state = ReadState.locked(user)
    if newest > state.seen_up_to:
        state.seen_up_to = newest
        state.save()
        record_unseen_count(user)


@transaction.atomic
def read_all(user: Any, event: Event) -> str:
    """Note that a person has read all up to an event; never goes back.

    Returns a token by which that is undone.
    """
    state = ReadState.locked(user)
    before = [state.read_up_to, state.read_version]
    state.read_up_to = max(state.read_up_to, event.position)
    state.read_version = state.version + 1
    state.version += 2
    state.save()
    # What was marked beyond the event stays so.
    marks = ReadMark.objects.filter(user=user, up_to__gt=event.position)
    marks.filter(version__gt=before[1]).update(version=state.version)
    record_unseen_count(user)
    return _token(user, ALL, state.read_version, *before)


@transaction.atomic
def read_group(user: Any, event: Event) -> str:
    """Note that a person has read an event and what is older in its group.

    Returns a token by which that is undone.
    """
    return _mark(user, event.group, up_to=event.position)


@transaction.atomic
def unread_event(user: Any, event: Event) -> str:
    """Note that a person has not read an event, nor what is newer in its group.

    Returns a token by which that is undone.
    """
    return _mark(user, event.group, up_to=event.position - 1)


def _mark(user: Any, group: str, *, up_to: int) -> str:
    state = ReadState.locked(user)
    before = ReadMark.objects.filter(user=user, group=group).first()
    state.version += 1
    state.save()
    ReadMark.objects.update_or_create(
        user=user, group=group, defaults={"up_to": up_to, "version": state.version}
    )
    record_unseen_count(user)
    kept = [before.up_to, before.version] if before else []
    return _token(user, GROUP, state.version, group, *kept)


@transaction.atomic
def undo(user: Any, token: str) -> None:
    """Put back what a token was given for, unless that was marked anew since.

    Raises InvalidValue for what is no token of this person's.
    """
    kind, version, *before = _read_token(user, token)
    state = ReadState.locked(user)
    if kind == ALL:
        _undo_all(state, version, before)
    else:
        _undo_group(user, version, before)
    record_unseen_count(user)


def _undo_all(state: ReadState, version: int, before: list[Any]) -> None:
    if state.read_version == version:
        state.read_up_to, state.read_version = before
        state.save()


def _undo_group(user: Any, version: int, before: list[Any]) -> None:
    group, *kept = before
    marks = ReadMark.objects.filter(user=user, group=group, version=version)
    if kept:
        marks.update(up_to=kept[0], version=kept[1])
    else:
        marks.delete()


def _token(user: Any, *parts: Any) -> str:
    return signing.dumps(parts, salt=f"{_SALT}:{user.pk}")


def _read_token(user: Any, token: str) -> list[Any]:
    try:
        parts: list[Any] = signing.loads(token, salt=f"{_SALT}:{user.pk}")
    except signing.BadSignature:
        raise InvalidValue(token, expected="a token of this person's") from None
    return parts
