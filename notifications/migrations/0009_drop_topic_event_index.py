from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notifications", "0008_topic_position_indexes")]

    operations = [migrations.RemoveIndex("eventtopic", "notifications_by_topic")]
