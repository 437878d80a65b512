"""What is there already gets its position, and what was read of it stays read."""

from collections import deque
from typing import Any

from django.db import migrations

from notifications.protocol.cursor import Cursor, milliseconds

BATCH = 200


def place_events(apps: Any, schema_editor: Any) -> None:
    """Give the events that are there a position, and each a group of its own."""
    Event = apps.get_model("notifications", "Event")
    batch = []
    for event in Event.objects.iterator(chunk_size=BATCH):
        event.group = event.uid.hex
        event.position = _cursor(event).position
        batch.append(event)
        if len(batch) == BATCH:
            Event.objects.bulk_update(batch, ["group", "position"])
            batch = []
    Event.objects.bulk_update(batch, ["group", "position"])


def _cursor(event: Any) -> Cursor:
    if event.cursor:
        return Cursor.parse(event.cursor)
    return Cursor(milliseconds(event.created), event.pk % 1_000_000)


def place_read_states(apps: Any, schema_editor: Any) -> None:
    """What was read up to a key is seen and read up to its position."""
    Event = apps.get_model("notifications", "Event")
    ReadState = apps.get_model("notifications", "ReadState")
    read = ReadState.objects.values_list("read_up_to", flat=True)
    keys = deque(sorted(set(read)))
    newest = 0
    events = Event.objects.order_by("pk").values_list("pk", "position")
    for pk, position in events.iterator(chunk_size=BATCH):
        while keys and keys[0] < pk:
            _place(ReadState, keys.popleft(), newest)
        if not keys:
            return
        newest = max(newest, position)
    for key in keys:
        _place(ReadState, key, newest)


def _place(model: Any, key: int, position: int) -> None:
    # A position is far beyond any key, so that none is taken twice.
    states = model.objects.filter(read_up_to=key, seen_up_to=0)
    states.update(seen_up_to=position, read_up_to=position)


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0002_inbox"),
    ]

    operations = [
        migrations.RunPython(place_events, migrations.RunPython.noop),
        migrations.RunPython(place_read_states, migrations.RunPython.noop),
    ]
