"""Index the events to relay without those set aside; PostgreSQL does so concurrently.

It can be interrupted and run again: an index that is left invalid is dropped first.
"""

from django.db import migrations, models

from notifications.migrations._operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("notifications", "0012_set_aside")]

    operations = [
        AddIndexOnline(
            "event",
            models.Index(
                fields=["id"],
                condition=models.Q(relayed=None, failure=""),
                name="notifications_event_due",
            ),
        ),
        AddIndexOnline(
            "event",
            models.Index(
                fields=["id"],
                condition=models.Q(("failure", ""), _negated=True),
                name="notifications_event_failed",
            ),
        ),
        migrations.RemoveIndex("event", "notifications_event_pending"),
    ]
