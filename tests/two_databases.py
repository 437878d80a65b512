"""A second database beside the tests' own, and routers that use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import environ
from django.db import connections
from django.db.utils import ConnectionHandler

from project.settings import SQLITE_OPTIONS
from tests.databases import new_database

ALIAS = "other"
WRITE_ROUTER = "notifications.databases.WriteRouter"


class ReplicaRouter:
    """Reads from the other database, which stands for a replica that lags behind."""

    def db_for_read(self, model, **hints):
        return ALIAS

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, first, second, **hints):
        return True


class OwnTablesRouter:
    """Has the tables of notifications in the default database only."""

    def allow_migrate(self, db, app_label, **hints):
        return db == "default" if app_label == "notifications" else None


class QuestionsRouter(OwnTablesRouter):
    """Writes questions into the other database."""

    def db_for_write(self, model, **hints):
        return ALIAS if model._meta.model_name == "question" else None


class SessionsRouter:
    """Has the sessions in the other database."""

    def db_for_read(self, model, **hints):
        return ALIAS if model._meta.model_name == "session" else None

    db_for_write = db_for_read


@contextmanager
def other_database(folder: Path) -> Iterator[str]:
    """Give the alias of a migrated database without rows, which nothing copies to."""
    database = new_database(folder)
    database.create()
    config = environ.Env().db_url_config(database.url)
    if config["ENGINE"].endswith("sqlite3"):
        config |= {"ENGINE": "project.sqlite", "OPTIONS": SQLITE_OPTIONS}
    handler = ConnectionHandler({"default": {}, ALIAS: config})
    connections.settings[ALIAS] = handler.settings[ALIAS]
    connection = connections[ALIAS]

    def ensure_connection() -> None:
        if connection.connection is None:
            connection.connect()

    # Django's allows only the databases that were there when the test began.
    connection.ensure_connection = ensure_connection
    try:
        yield ALIAS
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]
        database.drop()
