"""How the SQLite backend waits for locks."""

import itertools
import sqlite3
import subprocess
import sys

import pytest
from django.db import OperationalError, connection

from project.sqlite.base import DEFAULT_TIMEOUT, Connection, is_busy
from tests import ROOT
from tests.databases import ON_POSTGRESQL
from tests.project.sqlite.statements import (
    INSERT,
    TIMEOUT,
    begin,
    busy_code,
    lock,
    names,
)


@pytest.mark.skipif(ON_POSTGRESQL, reason="The site is on PostgreSQL.")
def test_site_uses_the_backend():
    assert connection.settings_dict["ENGINE"] == "project.sqlite"
    assert connection.vendor == "sqlite"


def test_sqlite_itself_does_not_wait(database):
    cursor = database.cursor().execute("PRAGMA busy_timeout")

    assert cursor.fetchone() == (0,)


def test_write_waits_until_the_lock_is_released(database, other, clock):
    lock(other)
    clock.at[3] = other.commit

    database.cursor().execute(INSERT, ["Kenya"])

    assert names(other) == ["Kenya"]
    assert clock.sleeps == 3


def test_transaction_waits_at_its_start(database, other, clock):
    lock(other)
    clock.at[3] = other.commit

    begin(database)
    database.cursor().execute(INSERT, ["Kenya"])
    database.commit()

    assert names(other) == ["Kenya"]
    assert clock.sleeps == 3


def test_write_waits_for_another_process(database, clock, path):
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


def test_write_fails_after_the_timeout(database, other, clock):
    lock(other)

    code = busy_code(database, INSERT, ["Kenya"])

    assert code == sqlite3.SQLITE_BUSY
    assert clock.now == pytest.approx(TIMEOUT)


def test_transaction_fails_after_the_timeout_and_can_begin_later(
    database, other, clock
):
    lock(other)
    with pytest.raises(OperationalError, match="database is locked"):
        begin(database)
    other.commit()

    database.cursor().execute(INSERT, ["Kenya"])

    assert names(other) == ["Kenya"]
    assert clock.now == pytest.approx(TIMEOUT)


def test_pauses_grow_up_to_a_limit(database, other, clock, monkeypatch):
    pauses = []
    sleep = clock.sleep
    monkeypatch.setattr(
        clock, "sleep", lambda seconds: (pauses.append(seconds), sleep(seconds))
    )
    lock(other)

    busy_code(database, INSERT, ["Kenya"])

    # The last pause is the rest of the timeout.
    growing = pauses[:-1]
    assert all(first <= second for first, second in itertools.pairwise(growing))
    assert growing[0] < growing[-1] <= 0.1


def test_default_timeout_is_that_of_sqlite3(path, other, clock):
    lock(other)
    connection = Connection(path, isolation_level=None)

    with pytest.raises(sqlite3.OperationalError):
        connection.execute("BEGIN IMMEDIATE")

    connection.close()
    assert clock.now == pytest.approx(DEFAULT_TIMEOUT)


def test_statement_in_a_transaction_is_not_repeated(connect, other, clock):
    database = connect(transaction_mode="DEFERRED")
    begin(database)
    lock(other)

    code = busy_code(database, INSERT, ["Kenya"])

    assert code == sqlite3.SQLITE_BUSY
    assert clock.sleeps == 0


def test_statement_in_a_transaction_with_an_old_snapshot_is_not_repeated(
    connect, other, clock
):
    database = connect(transaction_mode="DEFERRED")
    begin(database)
    database.cursor().execute("SELECT name FROM bean").fetchall()
    other.execute("INSERT INTO bean VALUES ('Java')")

    code = busy_code(database, INSERT, ["Kenya"])

    assert code == sqlite3.SQLITE_BUSY_SNAPSHOT
    assert clock.sleeps == 0


def test_statement_with_another_error_is_not_repeated(database, clock):
    with pytest.raises(OperationalError, match="no such table"):
        database.cursor().execute("SELECT * FROM roast")

    assert clock.sleeps == 0


def test_error_of_the_module_itself_is_not_busy():
    assert not is_busy(sqlite3.OperationalError("Could not decode to UTF-8"))


def test_connecting_waits(connect, other, clock):
    other.execute("PRAGMA journal_mode=DELETE")
    lock(other)
    clock.at[3] = other.commit
    database = connect(init_command="PRAGMA journal_mode=WAL")

    database.ensure_connection()

    cursor = database.cursor().execute("PRAGMA journal_mode")
    assert cursor.fetchone() == ("wal",)
    assert clock.sleeps == 3


def test_commit_without_wal_waits_for_readers(database, other, clock):
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN")
    names(other)
    clock.at[3] = other.commit

    begin(database)
    database.cursor().execute(INSERT, ["Kenya"])
    database.commit()

    assert names(other) == ["Kenya"]
    assert clock.sleeps == 3


# The holder switches greenlets inside of its transaction, as network code does.
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
        print("the holder continues")
    connection.close()

def writer():
    locked.wait()
    waiting.set()
    connection.cursor().execute("INSERT INTO bean VALUES ('Java')")
    print("the writer is done")
    connection.close()

gevent.joinall([gevent.spawn(holder), gevent.spawn(writer)], raise_error=True)
"""


def test_other_greenlets_run_while_one_waits(path, other):
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["the holder continues", "the writer is done"]
    assert names(other) == ["Kenya", "Java"]
