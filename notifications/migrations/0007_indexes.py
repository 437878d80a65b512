"""Drop indexes that others cover, and the one for LIKE that `db_index` adds."""

from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import CASCADE

from notifications.migrations._operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0006_topic_positions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexOnline(
            "event", models.Index(fields=["source"], name="notifications_by_source")
        ),
        migrations.AlterField(
            "event",
            "source",
            models.CharField(blank=True, default="", max_length=255),
        ),
        migrations.AlterField(
            "event", "type", models.CharField(max_length=64, verbose_name="type")
        ),
        migrations.AlterField(
            "eventtopic",
            "event",
            models.ForeignKey(
                "notifications.Event",
                CASCADE,
                related_name="addresses",
                db_index=False,
            ),
        ),
        migrations.AlterField(
            "follow",
            "user",
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                CASCADE,
                related_name="follows",
                verbose_name="user",
                db_index=False,
            ),
        ),
        migrations.AlterField(
            "preference",
            "user",
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                CASCADE,
                related_name="+",
                verbose_name="user",
                db_index=False,
            ),
        ),
        migrations.AlterField(
            "readmark",
            "user",
            models.ForeignKey(
                settings.AUTH_USER_MODEL, CASCADE, related_name="+", db_index=False
            ),
        ),
    ]
