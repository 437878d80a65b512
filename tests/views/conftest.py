"""Fixtures for tests of the views."""

import pytest

from project.qa.models import Topic
from tests.streaming import STREAM, StreamReader


@pytest.fixture
def milk():
    return Topic.objects.create(slug="milk", name="Milk")


@pytest.fixture
def as_maja(client, maja):
    client.force_login(maja)
    return client


@pytest.fixture
def open_reader():
    """A function that opens a stream and returns its reader."""
    readers = []

    def open_reader(client, path=STREAM, **headers):
        reader = StreamReader(client.get(path, headers=headers))
        readers.append(reader)
        return reader

    yield open_reader
    for reader in readers:
        reader.response.close()
