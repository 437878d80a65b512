"""Give each topic of an event the event's position, without stopping the site.

The default of the column is 0, which is the position of no event. Processes of the
previous version can still write such rows; the sweep fills them in. The rows are
updated in batches, each in a transaction of its own, and PostgreSQL builds the indexes
concurrently.
"""

from typing import Any

from django.db import migrations, models, transaction

BATCH = 5_000


def fill_positions(apps: Any, editor: Any) -> None:
    """Copy the positions of events to their topics, in batches by key."""
    topics = apps.get_model("notifications", "EventTopic").objects
    topics = topics.using(editor.connection.alias)
    event = apps.get_model("notifications", "Event").objects.filter(
        pk=models.OuterRef("event")
    )
    last = topics.aggregate(last=models.Max("pk"))["last"] or 0
    for first in range(0, last + 1, BATCH):
        batch = topics.filter(pk__gt=first, pk__lte=first + BATCH, position=0)
        with transaction.atomic(using=editor.connection.alias):
            batch.update(position=models.Subquery(event.values("position")))


class AddIndex(migrations.AddIndex):
    """Add an index, on PostgreSQL without a lock that stops writes."""

    def database_forwards(
        self, label: str, editor: Any, before: Any, after: Any
    ) -> None:
        if editor.connection.vendor != "postgresql":
            super().database_forwards(label, editor, before, after)
            return
        model = after.apps.get_model(label, self.model_name)
        editor.add_index(model, self.index, concurrently=True)


class Migration(migrations.Migration):
    # Each batch has its own transaction, and PostgreSQL builds the indexes outside one.
    atomic = False

    dependencies = [("notifications", "0005_already_told")]

    operations = [
        migrations.AddField(
            "eventtopic", "position", models.BigIntegerField(db_default=0)
        ),
        migrations.RunPython(fill_positions, migrations.RunPython.noop, elidable=True),
        AddIndex(
            "eventtopic",
            models.Index(
                fields=["topic", "position"], name="notifications_topic_position"
            ),
        ),
        AddIndex(
            "eventtopic",
            models.Index(
                fields=["id"],
                condition=models.Q(position=0),
                name="notifications_topic_unplaced",
            ),
        ),
        migrations.RemoveIndex("eventtopic", "notifications_by_topic"),
    ]
