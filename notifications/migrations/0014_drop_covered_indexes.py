"""Drop the indexes that others cover, and those for LIKE that `db_index` adds.

PostgreSQL does so concurrently. It can be interrupted and run again.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from notifications.migrations._operations import AddIndexOnline, DropFieldIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0013_set_aside_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexOnline(
            "event", models.Index(fields=["type"], name="notifications_by_type")
        ),
        AddIndexOnline(
            "event", models.Index(fields=["source"], name="notifications_by_source")
        ),
        DropFieldIndexOnline(
            "event", "type", models.CharField(max_length=64, verbose_name="type")
        ),
        DropFieldIndexOnline(
            "event", "source", models.CharField(blank=True, default="", max_length=255)
        ),
        DropFieldIndexOnline(
            "eventtopic",
            "event",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="addresses",
                to="notifications.event",
            ),
        ),
        DropFieldIndexOnline(
            "follow",
            "user",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="follows",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
        DropFieldIndexOnline(
            "preference",
            "user",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
        DropFieldIndexOnline(
            "readmark",
            "user",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
