"""`executemany` of the SQLite backend: one transaction for all rows."""

import pytest
from django.db import IntegrityError

from tests.project.sqlite.statements import INSERT, begin, lock, names

BEANS = [("Kenya",), ("Java",)]


def test_executemany_waits_and_writes_each_row_once(database, other, clock):
    lock(other)
    clock.at[3] = other.commit

    cursor = database.cursor()
    cursor.executemany(INSERT, iter(BEANS))

    assert names(other) == ["Kenya", "Java"]
    assert cursor.rowcount == 2
    assert not database.connection.in_transaction
    assert clock.sleeps == 3


def test_executemany_writes_all_rows_or_none(database, other):
    with pytest.raises(IntegrityError):
        database.cursor().executemany(INSERT, [*BEANS, BEANS[0]])

    assert names(other) == []
    assert not database.connection.in_transaction


def test_executemany_takes_part_in_a_transaction(database, other):
    begin(database)
    database.cursor().executemany(INSERT, BEANS)
    database.rollback()

    assert names(other) == []


def test_executemany_without_autocommit_does_not_commit(database, other):
    database.set_autocommit(False)
    database.cursor().executemany(INSERT, BEANS)
    before = names(other)

    database.commit()

    assert before == []
    assert names(other) == ["Kenya", "Java"]
