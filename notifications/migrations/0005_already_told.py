from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notifications", "0004_send_announcement")]

    operations = [
        migrations.RenameField("eventtopic", "told", "already_told"),
    ]
