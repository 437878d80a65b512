"""The tables, whatever the user model is."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import migrations, models

USER = settings.AUTH_USER_MODEL.lower()
POINTER = f"{USER.rpartition('.')[2]}_ptr"
MANAGERS = [("objects", type(get_user_model()._default_manager)())]


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("notifications", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Librarian",
            fields=[
                (
                    POINTER,
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=models.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("desk", models.CharField(max_length=60)),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "abstract": False,
            },
            bases=(USER,),
            managers=MANAGERS,
        ),
        migrations.CreateModel(
            name="Reader",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=(USER,),
            managers=MANAGERS,
        ),
        migrations.CreateModel(
            name="FollowProxy",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("notifications.follow",),
        ),
    ]
