"""These tests need the settings `tests.settings_custom_user`."""

from django.apps import apps

collect_ignore_glob = [] if apps.is_installed("tests.custom_user") else ["test_*.py"]
