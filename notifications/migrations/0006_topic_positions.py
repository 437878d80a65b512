"""Give each address of an event the event's position, without stopping the site.

The column has a default of 0, which no event has, in the database: processes of the
previous version can write meanwhile, and the sweep fills what they leave. The rows are
updated in batches, each in a transaction of its own, and PostgreSQL builds the indexes
concurrently.
"""

from typing import Any

from django.db import migrations, models, transaction

from notifications.migrations._operations import AddIndexOnline

BATCH = 5_000


def fill_positions(apps: Any, editor: Any) -> None:
    """Copy the positions of events to their addresses, in batches by key."""
    addresses = apps.get_model("notifications", "EventTopic").objects
    addresses = addresses.using(editor.connection.alias)
    event = apps.get_model("notifications", "Event").objects.filter(
        pk=models.OuterRef("event")
    )
    last = addresses.aggregate(last=models.Max("pk"))["last"] or 0
    for first in range(0, last + 1, BATCH):
        batch = addresses.filter(pk__gt=first, pk__lte=first + BATCH, position=0)
        with transaction.atomic(using=editor.connection.alias):
            batch.update(position=models.Subquery(event.values("position")))


class Migration(migrations.Migration):
    # Batches of their own, and an index that is built outside of any transaction.
    atomic = False

    dependencies = [("notifications", "0005_already_told")]

    operations = [
        migrations.AddField(
            "eventtopic", "position", models.BigIntegerField(db_default=0)
        ),
        migrations.RunPython(fill_positions, migrations.RunPython.noop, elidable=True),
        AddIndexOnline(
            "eventtopic",
            models.Index(
                fields=["topic", "position"], name="notifications_topic_position"
            ),
        ),
        AddIndexOnline(
            "eventtopic",
            models.Index(
                fields=["id"],
                condition=models.Q(position=0),
                name="notifications_topic_unplaced",
            ),
        ),
        migrations.RemoveIndex("eventtopic", "notifications_by_topic"),
    ]
