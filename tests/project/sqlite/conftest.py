"""A SQLite database with two connections, and a clock for the pauses between them."""

import sqlite3

import pytest
from django.db.utils import ConnectionHandler

from tests.project.sqlite.statements import TIMEOUT


class Clock:
    """A clock that only moves during sleeps.

    `at` has a function to call in the first, second ... sleep.
    """

    def __init__(self):
        self.now = 0.0
        self.sleeps = 0
        self.at = {}

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds
        self.sleeps += 1
        self.at.get(self.sleeps, lambda: None)()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("project.sqlite.base.time", clock)
    return clock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "db.sqlite3"


@pytest.fixture
def other(path):
    """Another connection, of the plain sqlite3 module, to a database with one table."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("CREATE TABLE bean (name TEXT UNIQUE)")
    yield other
    other.close()


@pytest.fixture
def connect(path, other, clock, django_db_blocker):
    """A function that returns a Django connection to the same database."""
    found = []

    def connect(**options):
        options = {"transaction_mode": "IMMEDIATE", "timeout": TIMEOUT, **options}
        settings = {"ENGINE": "project.sqlite", "NAME": path, "OPTIONS": options}
        # A handler of its own, since atomic() looks connections up by their alias.
        found.append(ConnectionHandler({"default": settings})["default"])
        return found[-1]

    with django_db_blocker.unblock():
        yield connect
        for each in found:
            each.close()


@pytest.fixture
def database(connect):
    """A Django connection that is open."""
    database = connect()
    database.ensure_connection()
    return database
