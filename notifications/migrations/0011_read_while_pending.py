"""What a person saw and read while it was pending, by event; see ReadState."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0010_due_counts"),
    ]

    operations = [
        migrations.AddField(
            model_name="readstate",
            name="read_pending",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="readstate",
            name="seen_pending",
            field=models.JSONField(null=True),
        ),
    ]
