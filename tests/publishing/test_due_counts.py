"""Unseen counts are due with a change, and made and relayed after its commit."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications.inbox import read_state
from notifications.log.client import RedisClient
from notifications.log.stream import Log
from notifications.models import DueCount, Follow
from notifications.protocol.entries import CountEntry, EventEntry
from notifications.publishing import outbox
from notifications.publishing.unseen import ATTEMPTS
from tests.publishing.recording import record
from tests.users import User

pytestmark = pytest.mark.django_db(transaction=True)

MILK, TEA = "topic:milk", "topic:tea"
LOCKS = ("notifications_readstate", "FOR UPDATE", "UPDATE ")


@pytest.fixture
def counts(appended):
    """A function that returns the counts since the start of the test, by user."""

    def counts():
        entries = [entry for entry in appended() if isinstance(entry, CountEntry)]
        return [(entry.user, entry.unseen_count) for entry in entries]

    return counts


@pytest.fixture
def cut(link, log, start):
    """Make Redis unavailable after the start of the test was noted."""
    link.cut()


def follow_both(first, second, *, topic, between):
    with transaction.atomic():
        Follow.objects.set_level(first, topic, "follow")
        between()
        Follow.objects.set_level(second, topic, "follow")


def test_changes_for_others_lock_nothing(maja, tobias):
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        Follow.objects.set_level(maja, MILK, "follow")
        Follow.objects.set_level(tobias, MILK, "follow")
        Follow.objects.filter(topic=MILK).delete()

    statements = [query["sql"] for query in queries]
    assert not [sql for sql in statements if any(lock in sql for lock in LOCKS)]


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one lock, so no deadlocks"
)
def test_transactions_for_two_people_in_opposite_order_do_not_deadlock(maja, tobias):
    meeting = threading.Barrier(2, timeout=10)
    failures = []

    def follow(first, second, topic):
        try:
            follow_both(first, second, topic=topic, between=meeting.wait)
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=follow, args=(maja, tobias, MILK)),
        threading.Thread(target=follow, args=(tobias, maja, TEA)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert Follow.objects.count() == 4


def test_changes_of_one_transaction_make_one_count_per_person(maja, tobias, counts):
    counts()

    with transaction.atomic():
        for person in (tobias, maja, tobias):
            Follow.objects.set_level(person, MILK, "follow")
            Follow.objects.set_level(person, TEA, "watch")

    assert counts() == [(str(pk), 0) for pk in sorted([maja.pk, tobias.pk])]
    assert not DueCount.objects.exists()


def test_number_of_round_trips_does_not_grow_with_the_people(maja, tobias, monkeypatch):
    commands = []
    command = RedisClient.command

    def count(client, **options):
        commands.append(client)
        return command(client, **options)

    monkeypatch.setattr(RedisClient, "command", count)

    def commands_for(*people):
        commands.clear()
        with transaction.atomic():
            for person in people:
                Follow.objects.create(user=person, topic=f"topic:{len(people)}")
        return len(commands)

    assert commands_for(maja) == commands_for(maja, tobias) == 3


def test_rolled_back_change_makes_no_count(maja, counts):
    counts()

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Follow.objects.set_level(maja, MILK, "follow")
        raise ZeroDivisionError

    assert counts() == []
    assert not DueCount.objects.exists()


def test_count_of_a_process_that_died_is_relayed_by_the_sweep(maja, counts):
    counts()
    Follow.objects.set_level(maja, MILK, "follow")
    record(topics=[MILK])
    DueCount.objects.create(user=maja)

    assert outbox.sweep() == 1

    assert counts() == [(str(maja.pk), 0), (str(maja.pk), 1)]
    assert not DueCount.objects.exists()


def test_counts_wait_for_redis_and_include_everything_until_then(
    cut, link, maja, appended
):
    Follow.objects.set_level(maja, MILK, "follow")
    record(topics=[MILK])
    read_state.see_all(maja)
    record(topics=[MILK])
    link.mend()

    outbox.sweep()

    *_, event, counted = appended()
    assert isinstance(event, EventEntry)
    assert isinstance(counted, CountEntry)
    # The first event was seen.
    assert counted.unseen_count == 1
    assert not DueCount.objects.exists()


def test_without_redis_nothing_is_counted(no_redis, maja):
    with CaptureQueriesContext(connection) as queries:
        Follow.objects.set_level(maja, MILK, "follow")

    assert not [query for query in queries if "readstate" in query["sql"]]
    assert DueCount.objects.count() == 1


def test_count_that_another_process_overtakes_is_counted_again(
    maja, counts, monkeypatch
):
    Follow.objects.set_level(maja, MILK, "follow")
    record(topics=[MILK])
    counts()
    append_counts = Log.append_counts
    overtaking = iter([lambda: read_state.see_all(maja)])

    def append_late(log, *args, **options):
        # The count was made; another process changes it and is faster.
        next(overtaking, lambda: None)()
        return append_counts(log, *args, **options)

    monkeypatch.setattr(Log, "append_counts", append_late)

    Follow.objects.set_level(maja, TEA, "follow")

    assert counts()[-2:] == [(str(maja.pk), 0), (str(maja.pk), 0)]
    assert not DueCount.objects.exists()


def test_count_that_is_overtaken_all_the_time_is_left_to_the_sweep(
    maja, counts, monkeypatch
):
    attempts = []

    def refuse(log, counts, **options):
        attempts.append(counts)
        return [False] * len(counts)

    with monkeypatch.context() as patch:
        patch.setattr(Log, "append_counts", refuse)
        Follow.objects.set_level(maja, MILK, "follow")

    assert len(attempts) == ATTEMPTS
    assert DueCount.objects.count() == 1
    assert outbox.sweep() == 1
    assert not DueCount.objects.exists()


def test_due_count_of_a_deleted_account_is_dropped(maja, counts):
    key = maja.pk
    maja.delete()
    counts()
    DueCount.objects.create(user_id=key)

    assert outbox.sweep() == 1

    assert counts() == []
    assert not DueCount.objects.exists()


def test_deleting_follows_takes_two_queries_per_row():
    def queries_to_delete(number):
        for each in range(number):
            person = User.objects.create_user(f"{number}-{each}")
            Follow.objects.create(user=person, topic=MILK)
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            Follow.objects.filter(topic=MILK).delete()
        return len(queries)

    assert queries_to_delete(7) - queries_to_delete(3) == 2 * (7 - 3)


def test_transaction_with_many_due_counts_leaves_some_to_the_sweep(
    settings, monkeypatch, counts
):
    monkeypatch.setattr(outbox, "COUNT_BATCH", 2)
    people = [User.objects.create_user(f"{number}") for number in range(5)]
    counts()

    with transaction.atomic():
        for person in people:
            Follow.objects.create(user=person, topic=MILK)

    assert len(counts()) == 2
    assert outbox.sweep() == 3
    assert sorted(counts()) == sorted((str(person.pk), 0) for person in people)


def test_person_who_cannot_be_counted_does_not_stop_the_counts_of_others(
    maja, tobias, settings, counts, caplog
):
    for person in (maja, tobias):
        Follow.objects.set_level(person, MILK, "follow")
    record(topics=[MILK])

    def authorize(user, topic):
        if user == maja:
            raise LookupError("gone")
        return True

    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "AUTHORIZE": authorize}
    DueCount.objects.bulk_create([DueCount(user=maja), DueCount(user=tobias)])

    outbox.sweep()

    assert counts()[-1] == (str(tobias.pk), 1)
    assert not DueCount.objects.exists()
    assert f"count=failed user={maja.pk}" in caplog.text
