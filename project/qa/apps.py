"""The Q&A site as a Django app."""

from django.apps import AppConfig


class QaConfig(AppConfig):
    """Questions, answers and topics."""

    name = "project.qa"
    label = "qa"
    verbose_name = "Questions and answers"
