"""Fixtures that read what a test appended to the log."""

import pytest


@pytest.fixture
def start(log):
    """The newest cursor at the start of the test."""
    return log.position()


@pytest.fixture
def appended(log, start):
    """A function that returns the entries since the start of the test."""
    return lambda: [entry.decode() for entry in log.read(start, until=log.position())]
