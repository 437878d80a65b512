"""How the site waits for SQLite's locks: by trying again, while others go on."""

import itertools
import sqlite3
import subprocess
import sys

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.db.utils import ConnectionHandler

from project.sqlite.base import DEFAULT_TIMEOUT, Connection, is_busy
from tests import ROOT

TIMEOUT = 20
INSERT = "INSERT INTO bean (name) VALUES (%s)"
BEANS = [("Kenya",), ("Java",)]


class Clock:
    """A clock that only sleeping moves on; `at` says what happens in which sleep."""

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
    """A connection of somebody else's, to a database with one empty table."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("CREATE TABLE bean (name TEXT UNIQUE)")
    yield other
    other.close()


@pytest.fixture
def connect(path, other, clock, django_db_blocker):
    """A function that returns a wrapper of ours for the same database."""
    found = []

    def connect(**options):
        options = {"transaction_mode": "IMMEDIATE", "timeout": TIMEOUT, **options}
        settings = {"ENGINE": "project.sqlite", "NAME": path, "OPTIONS": options}
        # Each with an alias of its own, for atomic() finds it by that among all.
        found.append(ConnectionHandler({"default": settings})["default"])
        return found[-1]

    with django_db_blocker.unblock():
        yield connect
        for each in found:
            each.close()


@pytest.fixture
def database(connect):
    """A wrapper that is connected."""
    database = connect()
    database.ensure_connection()
    return database


def lock(other):
    other.execute("BEGIN IMMEDIATE")


def names(other):
    return [name for (name,) in other.execute("SELECT name FROM bean ORDER BY rowid")]


def busy(database, *statement):
    """Run a statement, which fails; return SQLite's code of it."""
    with pytest.raises(OperationalError, match="database is locked") as caught:
        database.cursor().execute(*statement)
    return caught.value.__cause__.sqlite_errorcode


def begin(database):
    database.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def test_the_site_uses_it_and_is_still_on_sqlite():
    assert connection.settings_dict["ENGINE"] == "project.sqlite"
    assert connection.vendor == "sqlite"


def test_sqlite_itself_waits_for_nothing(database):
    cursor = database.cursor().execute("PRAGMA busy_timeout")

    assert cursor.fetchone() == (0,)


def test_a_write_waits_until_the_lock_is_released(database, other, clock):
    lock(other)
    clock.at[3] = other.commit

    database.cursor().execute(INSERT, ["Kenya"])

    assert names(other) == ["Kenya"]
    assert clock.sleeps == 3


def test_a_transaction_waits_at_its_start(database, other, clock):
    lock(other)
    clock.at[3] = other.commit

    begin(database)
    database.cursor().execute(INSERT, ["Kenya"])
    database.commit()

    assert names(other) == ["Kenya"]
    assert clock.sleeps == 3


def test_a_write_waits_for_another_process(database, clock, path):
    code = (
        "import sqlite3, sys\n"
        "other = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "other.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.readline()\n"
        "other.execute('INSERT INTO bean (name) VALUES (?)', ['Java'])\n"
        "other.commit()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "locked\n"
        clock.at[1] = lambda: process.communicate("go\n", timeout=60)

        database.cursor().execute(INSERT, ["Kenya"])

    cursor = database.cursor().execute("SELECT name FROM bean ORDER BY rowid")
    assert cursor.fetchall() == [("Java",), ("Kenya",)]


def test_a_write_gives_up_at_the_limit(database, other, clock):
    lock(other)

    code = busy(database, INSERT, ["Kenya"])

    assert code == sqlite3.SQLITE_BUSY
    assert clock.now == pytest.approx(TIMEOUT)


def test_a_transaction_gives_up_at_the_limit_and_can_begin_later(
    database, other, clock
):
    lock(other)
    with pytest.raises(OperationalError, match="database is locked"):
        begin(database)
    other.commit()

    database.cursor().execute(INSERT, ["Kenya"])

    assert names(other) == ["Kenya"]
    assert clock.now == pytest.approx(TIMEOUT)


def test_pauses_grow_and_stay_short(database, other, clock, monkeypatch):
    pauses = []
    sleep = clock.sleep
    monkeypatch.setattr(
        clock, "sleep", lambda seconds: (pauses.append(seconds), sleep(seconds))
    )
    lock(other)

    busy(database, INSERT, ["Kenya"])

    # The last one is what was left.
    growing = pauses[:-1]
    assert all(one <= next_one for one, next_one in itertools.pairwise(growing))
    assert growing[0] < growing[-1] <= 0.1


def test_without_a_timeout_of_ours_the_usual_one_is_taken(path, other, clock):
    lock(other)
    ours = Connection(path, isolation_level=None)

    with pytest.raises(sqlite3.OperationalError):
        ours.execute("BEGIN IMMEDIATE")

    ours.close()
    assert clock.now == pytest.approx(DEFAULT_TIMEOUT)


def test_a_busy_statement_in_a_transaction_is_not_repeated(connect, other, clock):
    database = connect(transaction_mode="DEFERRED")
    begin(database)
    lock(other)

    code = busy(database, INSERT, ["Kenya"])

    assert code == sqlite3.SQLITE_BUSY
    assert clock.sleeps == 0


def test_a_transaction_that_read_what_is_out_of_date_is_not_repeated(
    connect, other, clock
):
    database = connect(transaction_mode="DEFERRED")
    begin(database)
    database.cursor().execute("SELECT name FROM bean").fetchall()
    other.execute("INSERT INTO bean VALUES ('Java')")

    code = busy(database, INSERT, ["Kenya"])

    assert code == sqlite3.SQLITE_BUSY_SNAPSHOT
    assert clock.sleeps == 0


def test_other_errors_are_not_repeated(database, clock):
    with pytest.raises(OperationalError, match="no such table"):
        database.cursor().execute("SELECT * FROM roast")

    assert clock.sleeps == 0


def test_an_error_of_the_module_itself_is_not_busy():
    assert not is_busy(sqlite3.OperationalError("Could not decode to UTF-8"))


def test_many_rows_wait_and_are_written_once(database, other, clock):
    lock(other)
    clock.at[3] = other.commit

    cursor = database.cursor()
    cursor.executemany(INSERT, iter(BEANS))

    assert names(other) == ["Kenya", "Java"]
    assert cursor.rowcount == 2
    assert not database.connection.in_transaction
    assert clock.sleeps == 3


def test_many_rows_are_written_all_or_none(database, other):
    with pytest.raises(IntegrityError):
        database.cursor().executemany(INSERT, [*BEANS, BEANS[0]])

    assert names(other) == []
    assert not database.connection.in_transaction


def test_many_rows_are_part_of_the_transaction_around_them(database, other):
    begin(database)
    database.cursor().executemany(INSERT, BEANS)
    database.rollback()

    assert names(other) == []


def test_many_rows_without_autocommit_wait_for_the_commit(database, other):
    database.set_autocommit(False)
    database.cursor().executemany(INSERT, BEANS)
    before = names(other)

    database.commit()

    assert before == []
    assert names(other) == ["Kenya", "Java"]


def test_connecting_waits(connect, other, clock):
    other.execute("PRAGMA journal_mode=DELETE")
    lock(other)
    clock.at[3] = other.commit
    database = connect(init_command="PRAGMA journal_mode=WAL")

    database.ensure_connection()

    cursor = database.cursor().execute("PRAGMA journal_mode")
    assert cursor.fetchone() == ("wal",)
    assert clock.sleeps == 3


def test_a_commit_waits_for_readers_where_there_is_no_wal(database, other, clock):
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN")
    names(other)
    clock.at[3] = other.commit

    begin(database)
    database.cursor().execute(INSERT, ["Kenya"])
    database.commit()

    assert names(other) == ["Kenya"]
    assert clock.sleeps == 3


# The holder gives way in its transaction, as one does that talks to the network.
GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from gevent.event import Event
from django.conf import settings
settings.configure(DATABASES={"default": {
    "ENGINE": "project.sqlite",
    "NAME": sys.argv[1],
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30},
}})
from django.db import connection, transaction

locked, waiting = Event(), Event()

def holder():
    with transaction.atomic():
        connection.cursor().execute("INSERT INTO bean VALUES ('Kenya')")
        locked.set()
        waiting.wait()
        print("the holder goes on")
    connection.close()

def writer():
    locked.wait()
    waiting.set()
    connection.cursor().execute("INSERT INTO bean VALUES ('Java')")
    print("the writer is done")
    connection.close()

gevent.joinall([gevent.spawn(holder), gevent.spawn(writer)], raise_error=True)
"""


def test_other_greenlets_go_on_while_one_waits(path, other):
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["the holder goes on", "the writer is done"]
    assert names(other) == ["Kenya", "Java"]
