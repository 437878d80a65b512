"""People and a topic for the tests of the pages of the app."""

import pytest
from django.contrib.auth.models import User

from project.qa.models import Topic


@pytest.fixture
def maja(db):
    return User.objects.create_user("maja")


@pytest.fixture
def tobias(db):
    return User.objects.create_user("tobias")


@pytest.fixture
def espresso(db):
    return Topic.objects.create(slug="espresso", name="Espresso")
