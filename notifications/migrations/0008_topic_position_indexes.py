"""Index the topics of events by position; PostgreSQL builds the indexes concurrently.

It can be interrupted and run again: an index that is left invalid is dropped first.
"""

from django.db import migrations, models

from notifications.migrations._operations import AddIndexOnline


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
