"""Statements for the tests of the SQLite backend."""

import pytest
from django.db import OperationalError

# How long the connections of these tests wait for a lock, in seconds.
TIMEOUT = 20
INSERT = "INSERT INTO bean (name) VALUES (%s)"


def lock(other):
    other.execute("BEGIN IMMEDIATE")


def names(other):
    return [name for (name,) in other.execute("SELECT name FROM bean ORDER BY rowid")]


def busy_code(database, *statement):
    """Run a statement that fails because of a lock; return the error code."""
    with pytest.raises(OperationalError, match="database is locked") as caught:
        database.cursor().execute(*statement)
    return caught.value.__cause__.sqlite_errorcode


def begin(database):
    database.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
