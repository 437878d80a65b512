"""How much people have not seen, told to their streams whenever they change it.

An entry of the log carries the number as the database has it; what comes after it in
the log, the hub adds.
"""

import uuid
from typing import Any

from django.db import transaction

from notifications import outbox
from notifications.entries import CountEntry
from notifications.models import Event, ReadState


@transaction.atomic
def tell_count(user: Any) -> None:
    """Record, in the current transaction, how much a person has not seen now."""
    # Two that change it at once take turns, so that the later entry knows both.
    ReadState.locked(user)
    newest = Event.objects.newest_cursor()
    entry = CountEntry(
        uid=str(uuid.uuid4()),
        user=str(user.pk),
        unseen=Event.objects.count_unseen(user, up_to=newest),
        as_of=str(newest),
    )
    outbox.record_control(entry)
