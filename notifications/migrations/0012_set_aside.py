from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0011_read_while_pending")]

    operations = [
        migrations.AddField(
            "event",
            "failure",
            models.TextField(
                blank=True, db_default="", default="", verbose_name="failure"
            ),
        ),
        migrations.AddField(
            "control",
            "failure",
            models.TextField(blank=True, db_default="", default=""),
        ),
    ]
