"""Relays control entries; a retraction gets the cursor of its event in the log."""

from collections.abc import Iterable, Iterator

import msgspec
from django.db.models import QuerySet

from notifications import databases
from notifications.log.stream import shared_log
from notifications.models import Control
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import (
    OutboxEntry,
    RetractEntry,
    affected_user,
    encode,
)
from notifications.publishing.set_aside import read_controls


def relay_controls(controls: QuerySet[Control]) -> int:
    """Append control entries and delete their rows; return how many rows there were.

    Those that cannot be read are set aside. Raises LogUnavailable.
    """
    rows = read_controls(controls)
    if not rows:
        return len(controls)
    shared_log().append_controls(
        [
            (each.uid, encode(each), affected_user(each))
            for each in _located(entry for _, entry in rows)
        ]
    )
    # One statement, where `delete` would begin and end a transaction for it.
    relayed = Control.objects.filter(pk__in=[row.pk for row, _ in rows])
    relayed._raw_delete(databases.write_alias())
    return len(controls)


def _located(entries: Iterable[OutboxEntry]) -> list[OutboxEntry]:
    """Return entries of the outbox as they are appended, in the same order.

    Retractions have the cursor of their event. Those of an event that is not in the log
    are left out: nobody has seen it, and it cannot be appended any more. Raises
    LogUnavailable.
    """
    found = list(entries)
    retractions = [each for each in found if isinstance(each, RetractEntry)]
    if not retractions:
        return found
    cursors = _cursors(retractions)
    if cursors:
        # Before the retractions are in the log, so that no replay has only these.
        shared_log().retractions().add([*map(Cursor.parse, cursors.values())])
    return list(_with_cursors(found, cursors))


def _cursors(retractions: list[RetractEntry]) -> dict[str, str]:
    """Return where the retracted events are in the log, by their uids."""
    known = {each.event: each.cursor for each in retractions if each.cursor}
    unknown = [each.event for each in retractions if not each.cursor]
    if unknown:
        cursors = shared_log().retractions().locate(unknown)
        located = zip(unknown, cursors, strict=True)
        known |= {uid: str(cursor) for uid, cursor in located if cursor}
    return known


def _with_cursors(
    entries: list[OutboxEntry], cursors: dict[str, str]
) -> Iterator[OutboxEntry]:
    for each in entries:
        if not isinstance(each, RetractEntry):
            yield each
        elif each.event in cursors:
            yield msgspec.structs.replace(each, cursor=cursors[each.event])
