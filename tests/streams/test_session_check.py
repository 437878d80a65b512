"""Cached sessions whose login ended without an entry that deletes them."""

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection

from notifications.lib.digests import login_digest
from notifications.lib.recent_keys import RecentKeys
from notifications.streams import session_check
from notifications.streams.session_check import (
    CHECK_BATCH,
    CachedLogin,
    SessionCheck,
    shared_session_check,
)
from tests.streaming import STREAM, followed_topics
from tests.users import User, unsaved_user

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


@pytest.fixture
def later(reconnecting):
    """A client that reconnects when its session has not been checked for a while."""
    shared_session_check.cache_clear()
    return reconnecting


def assert_refused(client):
    response = client.get(STREAM)
    assert response.status_code == 403


def test_session_that_is_valid_is_used(later, stream, django_assert_num_queries):
    with django_assert_num_queries(2):
        response = stream(later)

    assert followed_topics(response) == {MILK}


def test_session_is_checked_once_in_a_while(later, stream, django_assert_num_queries):
    stream(later)

    with django_assert_num_queries(0):
        stream(later)


def test_deactivation_by_a_query_is_noticed(later):
    User.objects.update(is_active=False)

    assert_refused(later)


def test_password_changed_by_a_query_is_noticed(later):
    User.objects.update(password=make_password("another"))

    assert_refused(later)


def test_session_deleted_without_signals_is_noticed(later):
    sessions = Session.objects.all()
    sessions._raw_delete(sessions.db)

    assert_refused(later)


def test_session_that_was_let_expire_by_a_query_is_noticed(later):
    Session.objects.update(expire_date="2020-01-01T00:00Z")

    assert_refused(later)


def test_end_that_redis_lost_is_noticed(later, maja, redis_client, settings):
    key = f"{{{settings.NOTIFICATIONS['KEY_PREFIX']}}}:reader:{maja.pk}"
    cached = redis_client.hgetall(key)
    maja.is_active = False
    maja.save()

    # A replica that had not got the entry became the master.
    redis_client.delete(key)
    redis_client.hset(key, mapping=cached)

    assert_refused(later)


def test_without_the_check_the_session_is_looked_up(later, stream, monkeypatch):
    def fail(logins):
        raise DatabaseError

    monkeypatch.setattr(session_check, "_valid", fail)

    assert followed_topics(stream(later)) == {MILK}


@pytest.fixture
def logins():
    """The logins of more people than one query is about, two of them invalid."""
    people = [unsaved_user(f"{each}") for each in range(CHECK_BATCH + 9)]
    people[7].is_active = False
    User.objects.bulk_create(people)
    for number in range(1, len(people)):
        Session.objects.create(session_key=number, expire_date="2100-01-01T00:00Z")
    return [
        CachedLogin(f"{number}", f"{number}", str(each.pk), login_digest(each))
        for number, each in enumerate(people)
    ]


def test_request_that_waits_for_a_check_holds_no_connection(logins, monkeypatch):
    closed, closed_before = [], []
    check = SessionCheck(
        RecentKeys(seconds=30), gather=lambda: closed_before.append(bool(closed))
    )
    connection.ensure_connection()
    monkeypatch.setattr(connection, "close", lambda: closed.append(1))

    assert check.is_valid(logins[1])

    assert closed_before == [True]


def test_logins_are_checked_together(logins):
    check = SessionCheck(RecentKeys(seconds=30))

    results = zip(logins, check._check(logins), strict=True)

    assert [login.session for login, valid in results if not valid] == ["0", "7"]


def test_batch_takes_two_queries(logins, django_assert_num_queries):
    with django_assert_num_queries(4):
        valid = session_check._valid(logins)

    assert len(valid) == len(logins) - 2
