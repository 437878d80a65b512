"""One server for all clients, and what publishes to it."""

import pytest

from tests.system.publisher import Publisher
from tests.system.server import Site
from tests.system.topics import new_topics

ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "tests.interop.settings"}


@pytest.fixture(scope="session")
def site():
    # One process: it remembers how each story was asked for.
    with Site(workers=1, environment=ENVIRONMENT) as site:
        yield site


@pytest.fixture(scope="session")
def publisher(site):
    with Publisher(site) as publisher:
        yield publisher


@pytest.fixture
def topic():
    """A topic that no other test uses."""
    [topic] = new_topics(1)
    return topic
