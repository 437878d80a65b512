"""The database that events are recorded in, and that their write path stays on it.

What a save records, the reads that this takes, and the relay are all in the database
of the save: another one may be a replica that lags behind, or have another transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, models, router, transaction

# The alias of the write path that this thread or greenlet is on, if any.
_current: ContextVar[str | None] = ContextVar("notifications_database", default=None)


class WriteRouter:
    """Keeps the write path of events in one database; the first of DATABASE_ROUTERS.

    Outside of the write path it leaves all decisions to the other routers.
    """

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        """Return the database of the write path, if that is where the model is."""
        alias = _current.get()
        if alias is None or _is_beside_events(model):
            return alias
        return alias if router.db_for_write(model, **hints) == alias else None

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        """Return the database of the write path for the models of this app."""
        return _current.get() if _is_own(model) else None


def _is_own(model: type[models.Model]) -> bool:
    return model._meta.app_label == "notifications"


def _is_beside_events(model: type[models.Model]) -> bool:
    # Foreign keys of this app refer to users, so these are in the same database.
    return _is_own(model) or issubclass(model, get_user_model())


def write_alias() -> str:
    """Return the database of the write path, or else that of the site's routers."""
    return _current.get() or router.db_for_write(_event_model())


@contextmanager
def write_path(alias: str | None = None) -> Iterator[None]:
    """Read and write the app's tables in one database until the end of the block.

    Without an alias, it is the one of `write_alias`. Also a decorator.
    """
    token = _current.set(alias or write_alias())
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def _off_write_path() -> Iterator[None]:
    """Let the site's routers decide until the end of the block."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def atomic(using: str | None = None, *, savepoint: bool = True) -> Iterator[None]:
    """Run a block on the write path, in a transaction there; also a decorator."""
    alias = using or write_alias()
    with write_path(alias), transaction.atomic(using=alias, savepoint=savepoint):
        yield


def can_record_in(alias: str) -> bool:
    """Tell whether saves in a database can be recorded there, as the routers say."""
    model: Any = _event_model()
    if alias == write_alias():
        return True
    if not has_write_router() or not router.allow_migrate_model(alias, model):
        return False
    # A router that writes an object of a replica elsewhere says so.
    event = model()
    event._state.db = alias
    # Within the write path of a save, the site may save something in another database.
    with _off_write_path():
        return bool(router.db_for_write(model, instance=event) == alias)


def alias_near(using: str) -> str:
    """Return the database to record a change in: its own if possible."""
    return using if can_record_in(using) else write_alias()


def recorded_aliases() -> list[str]:
    """Return the databases that may have rows of the outbox, the usual one first.

    One that is unreachable is among them: it may have rows, and the caller's own query
    fails on it alone.
    """
    first = write_alias()
    others = [alias for alias in connections if alias != first and can_record_in(alias)]
    return [first, *filter(_has_tables, others)]


def release_connections() -> None:
    """Close the connections of this thread that are not in a transaction.

    Others may need them, as in a pool, while this thread waits.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def has_write_router() -> bool:
    """Tell whether WriteRouter is installed where it takes effect."""
    return isinstance(next(iter(router.routers), None), WriteRouter)


def _has_tables(alias: str) -> bool:
    table = _event_model()._meta.db_table
    try:
        return table in connections[alias].introspection.table_names()
    except DatabaseError:
        return True


def _event_model() -> type[models.Model]:
    return apps.get_model("notifications", "Event")
