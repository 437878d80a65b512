"""A topic for the tests of the pages of the app."""

import pytest

from project.qa.models import Topic


@pytest.fixture
def espresso(db):
    return Topic.objects.create(slug="espresso", name="Espresso")
