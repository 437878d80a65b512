"""The user model that the tests run with, which a settings module may replace."""

from django.contrib.auth import get_user_model
from django.db.models import EmailField

User = get_user_model()


def user_named(name):
    """Return the user that a test calls by this name."""
    return User._default_manager.get_by_natural_key(name)


def json_key(user):
    """Return the primary key of a user as JSON has it: a UUID is text there."""
    return user.pk if isinstance(user.pk, int) else str(user.pk)


def shown_name(user):
    """Return the name that others see of a user by default."""
    name = user.get_username()
    if isinstance(User._meta.get_field(User.USERNAME_FIELD), EmailField):
        name = user.name
    return name if name.strip() and "@" not in name else "Someone"


def unsaved_user(name, **fields):
    """Return a user who signs in with this name, and is not in the database."""
    return User(**{User.USERNAME_FIELD: name}, password="!", **fields)
