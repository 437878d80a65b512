"""Cached sessions end with the login, the person, or what they may see."""

import time
from datetime import UTC, datetime

import pytest
from django.contrib.sessions.models import Session

from notifications.api import permissions_changed
from tests.streaming import STREAM, followed_topics
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


def assert_refused(client, cookies):
    client.cookies = cookies
    response = client.get(STREAM)
    assert response.status_code == 403
    assert b"Sign in" in response.content


@pytest.fixture
def appended_controls(log, redis_client, settings):
    """A function that returns how long the log is."""
    log.position()
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    return lambda: redis_client.xlen(f"{{{prefix}}}:log")


def in_the_future(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def test_signed_out_session_is_refused(reconnecting):
    cookies = reconnecting.cookies.copy()

    reconnecting.logout()

    assert_refused(reconnecting, cookies)


def test_deleted_session_is_refused(reconnecting):
    cookies = reconnecting.cookies.copy()

    Session.objects.all().delete()

    assert_refused(reconnecting, cookies)


def test_deleting_expired_sessions_appends_nothing(reconnecting, appended_controls):
    Session.objects.update(expire_date="2020-01-01T00:00Z")
    before = appended_controls()

    Session.objects.all().delete()

    assert appended_controls() == before


def test_changed_password_ends_the_cached_session(reconnecting, maja):
    maja.set_password("another")

    maja.save()

    assert_refused(reconnecting, reconnecting.cookies.copy())


def test_deactivated_person_is_refused(reconnecting, maja):
    maja.is_active = False

    maja.save()

    assert_refused(reconnecting, reconnecting.cookies.copy())


def test_deleted_person_is_refused(reconnecting, maja):
    maja.delete()

    assert_refused(reconnecting, reconnecting.cookies.copy())


def test_topics_that_are_no_longer_allowed_are_left_out(
    reconnecting, maja, stream, settings
):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != MILK,
    }

    permissions_changed(maja)

    assert followed_topics(stream(reconnecting)) == set()


def test_expired_session_is_refused(client, maja, monkeypatch):
    client.force_login(maja)
    session = client.session
    session.set_expiry(60)
    session.save()
    client.get(STREAM).close()
    later = time.time() + 61
    monkeypatch.setattr("django.utils.timezone.now", lambda: in_the_future(later))
    monkeypatch.setattr(time, "time", lambda: later)

    response = client.get(STREAM)

    assert response.status_code == 403


def test_sign_out_takes_effect_while_redis_is_full(reconnecting, redis_client):
    cookies = reconnecting.cookies.copy()
    redis_client.config_set("maxmemory", 1)
    try:
        reconnecting.logout()

        assert_refused(reconnecting, cookies)
    finally:
        redis_client.config_set("maxmemory", 0)


def test_gap_deletes_all_cached_sessions(reconnecting, stream, redis_client, settings):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    redis_client.delete(f"{{{prefix}}}:log")

    wait_for(
        lambda: not redis_client.keys(f"{{{prefix}}}:reader:*"),
        what="them to be gone",
    )
