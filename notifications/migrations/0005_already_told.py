"""Rename a field; its column stays, so that older processes can go on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0004_send_announcement")]

    operations = [
        migrations.AlterField(
            "eventtopic", "told", models.DateTimeField(null=True, db_column="told")
        ),
        migrations.RenameField("eventtopic", "told", "already_told"),
    ]
