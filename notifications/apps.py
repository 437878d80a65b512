"""The app as Django sees it."""

from django.apps import AppConfig
from django.core.signals import request_started
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Live notifications; reads `<app>/notifications.py` of every installed app."""

    name = "notifications"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from notifications import announcements, checks, rights  # noqa: F401
        from notifications.sweeper import sweeper

        rights.connect()
        autodiscover_modules("notifications")
        # Connected, not started: a process that serves requests sweeps the outbox.
        request_started.connect(sweeper.start, dispatch_uid="notifications-sweeper")
