"""Fixtures of the property tests: payloads of 1 MB, and a registry for one module."""

import pytest
from django.conf import settings as site_settings
from django.test import override_settings

from notifications.publishing.event_types import EventType

LARGEST = 1_000_000


@pytest.fixture(scope="module", autouse=True)
def large_payloads():
    """Let payloads be as large as LARGEST, so that the largest text may pass."""
    changed = {**site_settings.NOTIFICATIONS, "MAX_PAYLOAD_BYTES": LARGEST}
    with override_settings(NOTIFICATIONS=changed):
        yield


@pytest.fixture(scope="module", autouse=True)
def registry():
    """Forget the event types that a module registers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventType, "registry", {**EventType.registry})
        yield EventType.registry
