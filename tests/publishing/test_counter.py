"""The thread that makes unseen counts after the commit, apart from the request.

The tests call what it does themselves: its own connection would meet the locks of a
database in memory.
"""

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from notifications.models import DueCount, Follow
from notifications.protocol.entries import CountEntry
from notifications.publishing import counter as counter_module
from notifications.publishing import outbox, unseen
from notifications.publishing.counter import Due, count, counter
from tests.publishing.recording import record
from tests.users import User

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


@pytest.fixture
def waiting(monkeypatch):
    """What is left to the counter, which is not running."""
    waiting = []
    monkeypatch.setattr(counter, "put", lambda due: waiting.append(due) or True)
    return waiting


@pytest.fixture
def counted(appended):
    """A function that returns the counts since the start of the test, by user."""
    return lambda: [
        (entry.user, entry.unseen_count)
        for entry in appended()
        if isinstance(entry, CountEntry)
    ]


def test_change_does_not_wait_for_its_count(waiting, counted, maja):
    with CaptureQueriesContext(connection) as queries:
        Follow.objects.set_level(maja, MILK, "follow")

    statements = [query["sql"] for query in queries]
    assert not [sql for sql in statements if 'FROM "notifications_readstate"' in sql]
    assert counted() == []
    assert DueCount.objects.count() == 1


def test_changes_that_wait_make_one_count_per_person(waiting, counted, maja, tobias):
    for person in (maja, tobias, maja):
        Follow.objects.set_level(person, MILK, "follow")
        record(topics=[MILK])
        outbox.record_due_count(person.pk)

    count(waiting)

    assert {*counted()} == {(str(maja.pk), 3), (str(tobias.pk), 2)}
    assert not DueCount.objects.exists()


def test_many_people_are_counted_some_at_a_time(monkeypatch, appended):
    people = [User.objects.create_user(f"person{number}") for number in range(5)]
    rows = [DueCount.objects.create(user=each) for each in people * 2]
    relayed, relay_counts = [], counter_module.relay_counts
    monkeypatch.setattr(counter_module, "COUNT_BATCH", 4)
    monkeypatch.setattr(
        counter_module,
        "relay_counts",
        lambda due: relayed.append(len(due)) or relay_counts(due),
    )

    count([Due("default", [row]) for row in rows])

    assert relayed == [4, 4, 2]
    entries = [each for each in appended() if isinstance(each, CountEntry)]
    assert sorted(each.user for each in entries) == sorted(str(p.pk) for p in people)
    assert not DueCount.objects.exists()


def test_others_work_between_two_people(monkeypatch, maja, tobias):
    rows = [DueCount.objects.create(user=each) for each in (maja, tobias)]
    pauses = []
    monkeypatch.setattr(unseen.time, "sleep", pauses.append)

    count([Due("default", rows)])

    assert pauses == [0, 0]


def test_count_stays_due_without_redis(no_redis, maja, caplog):
    due = DueCount.objects.create(user=maja)

    count([Due("default", [due])])

    assert DueCount.objects.exists()
    assert "count=postponed" in caplog.text


def test_count_stays_due_without_a_database(monkeypatch, maja, caplog):
    def fail(rows):
        raise DatabaseError("gone")

    monkeypatch.setattr(counter_module, "relay_counts", fail)

    count([Due("default", [DueCount(user=maja)])])

    assert "count=postponed reason='gone'" in caplog.text


def test_rows_that_the_counter_does_not_take_are_counted_at_once(
    monkeypatch, counted, maja
):
    monkeypatch.setattr(counter, "put", lambda due: False)

    Follow.objects.set_level(maja, MILK, "follow")

    assert counted() == [(str(maja.pk), 0)]
