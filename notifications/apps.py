"""The app's configuration: it connects signals and imports the sites' event types."""

from typing import Any

from django.apps import AppConfig, apps
from django.core.signals import request_started
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Live notifications; imports `<app>/notifications.py` of every installed app."""

    name = "notifications"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from notifications import checks  # noqa: F401
        from notifications.inbox import announcements  # noqa: F401
        from notifications.publishing import control

        control.connect()
        autodiscover_modules("notifications")
        # Nothing starts here. A process that serves requests starts its threads with
        # the first request, under any server.
        request_started.connect(self.start_threads, dispatch_uid="notifications")

    @staticmethod
    def start_threads(**signal: Any) -> None:
        """Start the threads of a process that serves the site; idempotent.

        These are the sweep of the outbox, the counter of what is unseen, the counts of
        streams and, if the admin is installed, the reports of this process's state.
        """
        from notifications.conf import conf
        from notifications.monitoring.process_reports import reporting
        from notifications.publishing.counter import counter
        from notifications.publishing.sweeper import sweeper
        from notifications.streams.admission import counting, warn_if_limited

        sweeper.start()
        counting.start()
        warn_if_limited()
        # What the counter leaves out is for the sweep.
        if conf.SWEEP_INTERVAL:
            counter.start()
        if apps.is_installed("django.contrib.admin"):
            reporting.start()
