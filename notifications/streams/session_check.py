"""Checks of cached sessions: whether the database still has the login.

A cached session ends with its login, since the entry that says so deletes it. But there
is no such entry for `QuerySet.update` and raw SQL, and Redis may lose one when it fails
over to a replica.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.utils import timezone

from notifications.databases import release_connections
from notifications.lib.batcher import Batcher
from notifications.lib.batches import batches
from notifications.lib.digests import DATABASE_SESSION_MODEL, login_digest
from notifications.lib.recent_keys import RecentKeys
from notifications.publishing.control import LOGIN_FIELDS
from notifications.streams.database_thread import DatabaseThread

# A session is checked by this process at most this often.
CHECK_SECONDS = 30.0
# How many sessions are checked by one query for them, and one for their users.
CHECK_BATCH = 200
# How long a check waits for others: about as long as the queries take.
GATHER_SECONDS = 0.005


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

    `checked` are the digests of the sessions that were valid a moment ago. `gather`
    waits for more of those that are checked at the same time.
    """

    def __init__(
        self,
        checked: RecentKeys,
        *,
        gather: Callable[[], object] = lambda: time.sleep(GATHER_SECONDS),
    ) -> None:
        self._checked = checked
        self._batcher = Batcher(self._check, gather=gather)
        self._thread = DatabaseThread(name="notifications-session-check")

    def note(self, session: str) -> None:
        """Note that the database had the login of a session just now."""
        self._checked.add(session)

    def is_valid(self, login: CachedLogin) -> bool:
        """Tell whether a login is valid, by the database unless it was a moment ago.

        It is if the session has not ended, and its user is active and has the same
        password. Those that are asked about at the same time share two queries. Raises
        DatabaseError.
        """
        if login.session in self._checked:
            return True
        # Requests that wait for the check must not hold the connections that it needs.
        release_connections()
        return self._batcher.request(login)

    def _check(self, logins: Sequence[CachedLogin]) -> list[bool]:
        # A single one is checked by the request itself, whose transaction it may see.
        several = len(logins) > 1
        valid = self._thread.run(_valid, logins) if several else _valid(logins)
        for each in valid:
            self._checked.add(each.session)
        return [each in valid for each in logins]


def _valid(logins: Sequence[CachedLogin]) -> set[CachedLogin]:
    """Return those of the logins that are valid, by two queries for each batch."""
    return {
        each for some in batches(logins, CHECK_BATCH) for each in _valid_in_batch(some)
    }


def _valid_in_batch(logins: Sequence[CachedLogin]) -> Iterator[CachedLogin]:
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
