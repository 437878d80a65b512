"""Copy the positions of events to their topics, in batches of their own transactions.

It can be interrupted and run again.
"""

from typing import Any

from django.db import migrations, models, transaction

BATCH = 5_000


def fill_positions(apps: Any, editor: Any) -> None:
    """Update the rows without a position, by ranges of their keys."""
    alias = editor.connection.alias
    topics = apps.get_model("notifications", "EventTopic").objects.using(alias)
    events = apps.get_model("notifications", "Event").objects.using(alias)
    event = events.filter(pk=models.OuterRef("event"))
    last = topics.aggregate(last=models.Max("pk"))["last"] or 0
    for first in range(0, last + 1, BATCH):
        batch = topics.filter(pk__gt=first, pk__lte=first + BATCH, position=0)
        with transaction.atomic(using=alias):
            batch.update(position=models.Subquery(event.values("position")))


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("notifications", "0006_topic_position")]

    operations = [
        migrations.RunPython(fill_positions, migrations.RunPython.noop, elidable=True),
    ]
