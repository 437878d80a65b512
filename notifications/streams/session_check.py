"""Checks of cached sessions: whether the database still has the login.

A cached session ends with its login, since the entry that says so deletes it. But there
is no such entry for `QuerySet.update` and raw SQL, and Redis may lose one when it fails
over to a replica.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.utils import timezone

from notifications.lib.batches import batches
from notifications.lib.digests import DATABASE_SESSION_MODEL, login_digest
from notifications.lib.recent_keys import RecentKeys
from notifications.publishing.control import LOGIN_FIELDS

# A session is checked by this process at most this often.
CHECK_SECONDS = 30.0
# How many sessions are checked by one query for them, and one for their users.
CHECK_BATCH = 200


class CachedLogin(NamedTuple):
    """The login of a cached session.

    `session` and `login` are digests of the session's key and of the login; `user` is
    the primary key as text.
    """

    session_key: str
    session: str
    user: str
    login: str


class SessionCheck:
    """Tells which cached sessions are still valid, by the database.

    `checked` are the digests of the sessions that were valid a moment ago.
    """

    def __init__(self, checked: RecentKeys) -> None:
        self._checked = checked

    def note(self, session: str) -> None:
        """Note that the database had the login of a session just now."""
        self._checked.add(session)

    def valid(self, logins: Sequence[CachedLogin]) -> set[str]:
        """Return the digests of the sessions whose login is valid.

        Those that were not checked a moment ago are checked by two queries for all: the
        session has not ended, and its user is active and has the same password. Raises
        DatabaseError.
        """
        due = [each for each in logins if each.session not in self._checked]
        valid = {each.session for each in logins} - {each.session for each in due}
        for some in batches(due, CHECK_BATCH):
            for each in _valid(some):
                self._checked.add(each.session)
                valid.add(each.session)
        return valid


def _valid(logins: Sequence[CachedLogin]) -> Iterator[CachedLogin]:
    model: Any = apps.get_model(DATABASE_SESSION_MODEL)
    sessions = model.objects.filter(
        session_key__in=[each.session_key for each in logins],
        expire_date__gt=timezone.now(),
    )
    keys = set(sessions.values_list("session_key", flat=True))
    current = _current_logins({each.user for each in logins})
    for each in logins:
        if each.session_key in keys and current.get(each.user) == each.login:
            yield each


def _current_logins(keys: set[str]) -> dict[str, str]:
    """Return the digests of the logins of the active users with these primary keys."""
    users: Any = get_user_model()._default_manager.filter(pk__in=keys)
    return {
        str(user.pk): login_digest(user)
        for user in users.only(*_login_fields())
        if getattr(user, "is_active", True)
    }


@cache
def _login_fields() -> tuple[str, ...]:
    """Return those of LOGIN_FIELDS that the user model has; it may be another one.

    What else a login of such a model depends on is read for each user on its own.
    """
    meta = get_user_model()._meta

    def is_field(name: str) -> bool:
        try:
            return bool(meta.get_field(name).concrete)
        except FieldDoesNotExist:
            return False

    return ("pk", *filter(is_field, LOGIN_FIELDS))


@cache
def shared_session_check() -> SessionCheck:
    """Return the session check of this process."""
    return SessionCheck(RecentKeys(seconds=CHECK_SECONDS))
