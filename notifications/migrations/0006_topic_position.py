"""Let each topic of an event have the event's position.

The column has a default in the database, 0, which no event has: processes of the
previous version can write meanwhile, and the sweep fills what they leave.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_already_told")]

    operations = [
        migrations.AddField(
            "eventtopic", "position", models.BigIntegerField(db_default=0)
        ),
    ]
