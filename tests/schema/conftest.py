"""Fixtures of the tests of schemas."""

import pytest

from notifications.publishing.event_types import EventType
from tests.schema.payloads import Comment


@pytest.fixture(scope="module", autouse=True)
def registry():
    """The registry; the types that this module registers are removed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventType, "registry", {**EventType.registry})
        yield EventType.registry


@pytest.fixture(scope="module")
def new_comment(registry):
    return EventType("new_comment", Comment)
