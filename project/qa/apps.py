"""The Q&A site as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QaConfig(AppConfig):
    """Questions, answers and topics."""

    name = "project.qa"
    label = "qa"
    verbose_name = _("Questions and answers")
