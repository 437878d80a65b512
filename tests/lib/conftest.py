"""Fixtures for tests of the small tools."""

import pytest


class Clock:
    """A clock in seconds that only the test advances."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()
