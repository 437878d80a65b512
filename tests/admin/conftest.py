"""Fixtures for tests of the admin: members of staff, and a topic."""

import pytest
from django.contrib.auth.models import Permission

from project.qa.models import Topic
from tests.users import User


@pytest.fixture
def make_staff():
    """A function that creates a member of staff with these permissions."""

    def make_staff(*permissions):
        user = User.objects.create_user("staff", is_staff=True)
        found = Permission.objects.filter(codename__in=permissions)
        user.user_permissions.set(found)
        return user

    return make_staff


@pytest.fixture
def sender(client, make_staff):
    user = make_staff("send_announcement", "view_event")
    client.force_login(user)
    return user


@pytest.fixture
def espresso():
    return Topic.objects.create(slug="espresso", name="Espresso")
