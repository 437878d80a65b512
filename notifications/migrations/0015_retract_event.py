from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0014_drop_covered_indexes"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="event",
            options={
                "permissions": [
                    ("send_announcement", "Can send an announcement"),
                    ("retract_event", "Can retract events"),
                ],
                "verbose_name": "event",
                "verbose_name_plural": "events",
            },
        ),
    ]
