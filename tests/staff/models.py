"""Proxies and multi-table children of the user model, and a proxy of `Follow`."""

from django.contrib.auth import get_user_model
from django.db import models

from notifications.models import Follow


class Reader(get_user_model()):  # type: ignore[misc]
    """A user, as another class of Python."""

    class Meta:
        proxy = True


class Librarian(get_user_model()):  # type: ignore[misc]
    """A user with a further row, in a table of its own."""

    desk = models.CharField(max_length=60)


class FollowProxy(Follow):
    class Meta:
        proxy = True
