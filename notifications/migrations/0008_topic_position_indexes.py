"""Index the topics of events by position; PostgreSQL builds the indexes concurrently.

It can be interrupted and run again: an index that is left invalid is dropped first.
"""

from typing import Any

from django.db import migrations, models


class AddIndexOnline(migrations.AddIndex):
    """Add an index without a lock that stops writes, where the database can."""

    def database_forwards(
        self, label: str, editor: Any, before: Any, after: Any
    ) -> None:
        online = editor.connection.vendor == "postgresql"
        name = editor.quote_name(self.index.name)
        concurrently = "CONCURRENTLY " if online else ""
        editor.execute(f"DROP INDEX {concurrently}IF EXISTS {name}")
        if online:
            model = after.apps.get_model(label, self.model_name)
            editor.add_index(model, self.index, concurrently=True)
        else:
            super().database_forwards(label, editor, before, after)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("notifications", "0007_fill_topic_positions")]

    operations = [
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
    ]
