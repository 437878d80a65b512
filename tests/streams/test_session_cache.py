import time
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import signing

from notifications.exceptions import LogUnavailable
from notifications.log.session_store import SESSIONS_PER_PERSON
from notifications.models import Follow
from notifications.protocol.cursor import Cursor
from notifications.publishing.control import permissions_changed
from notifications.streams import session_cache
from tests.streaming import STREAM, record
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


@pytest.fixture
def stream():
    """A function that opens a stream and closes it at the end of the test."""
    opened = []

    def stream(client, path=STREAM):
        response = client.get(path)
        opened.append(response)
        return response

    yield stream
    for response in opened:
        response.close()


@pytest.fixture
def back(client, maja, stream):
    """A client of somebody who has had a stream."""
    Follow.objects.set_level(maja, MILK, "follow")
    client.force_login(maja)
    stream(client).close()
    return client


def topics(response):
    """Return the topics that a stream's connection hears."""
    assert response.status_code == 200, response.content
    return set(response.stream.connection.subscriptions.followed_since)


def test_reconnecting_client_needs_no_query(back, stream, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = stream(back)

    assert topics(response) == {MILK}


def test_muted_topics_are_cached(client, maja, stream, django_assert_num_queries):
    Follow.objects.set_level(maja, MILK, "mute")
    client.force_login(maja)
    stream(client).close()

    with django_assert_num_queries(0):
        response = stream(client)

    assert response.stream.connection.subscriptions.muted == {MILK}


def test_first_stream_queries_the_database(
    client, maja, stream, django_assert_num_queries
):
    client.force_login(maja)

    with django_assert_num_queries(5):
        stream(client)


def test_cookie_is_limited_to_the_stream_and_hidden_from_scripts(client, maja, stream):
    client.force_login(maja)

    cookie = stream(client).cookies[session_cache.COOKIE]

    assert cookie["path"] == STREAM
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 7_200
    assert not cookie["secure"]


def test_cookie_is_secure_over_https(client, maja):
    client.force_login(maja)

    response = client.get(STREAM, secure=True)

    assert response.cookies[session_cache.COOKIE]["secure"]
    response.close()


def test_anonymous_client_gets_no_cookie(client, stream):
    response = stream(client, f"{STREAM}?topic={MILK}")

    assert session_cache.COOKIE not in response.cookies


def test_change_of_follows_applies_to_the_next_stream(back, maja, stream):
    Follow.objects.set_level(maja, "topic:tea", "follow")
    first = topics(stream(back))

    Follow.objects.filter(topic=MILK).get().delete()

    assert first == {MILK, "topic:tea"}
    assert topics(stream(back)) == {"topic:tea"}


def test_change_while_a_stream_is_opened_is_not_lost(
    client, maja, stream, django_assert_num_queries
):
    client.force_login(maja)
    response = stream(client)
    behind = Cursor(1, 0)
    Follow.objects.set_level(maja, MILK, "follow")

    session_cache.store(
        response.wsgi_request,
        response,
        response.stream.connection,
        expires_at=time.time() + 60,
        as_of=behind,
    )

    assert topics(stream(client)) == {MILK}


def assert_refused(client, cookies):
    client.cookies = cookies
    response = client.get(STREAM)
    assert response.status_code == 403
    assert b"Sign in" in response.content


def test_signed_out_session_is_refused(back):
    cookies = back.cookies.copy()

    back.logout()

    assert_refused(back, cookies)


def test_deleted_session_is_refused(back):
    cookies = back.cookies.copy()

    Session.objects.all().delete()

    assert_refused(back, cookies)


def test_deleting_expired_sessions_appends_nothing(back, appended_controls):
    Session.objects.update(expire_date="2020-01-01T00:00Z")
    before = appended_controls()

    Session.objects.all().delete()

    assert appended_controls() == before


@pytest.fixture
def appended_controls(log, redis_client, settings):
    """A function that returns how long the log is."""
    log.position()
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    return lambda: redis_client.xlen(f"{{{prefix}}}:log")


def test_changed_password_ends_the_cached_session(back, maja):
    maja.set_password("another")

    maja.save()

    assert_refused(back, back.cookies.copy())


def test_deactivated_person_is_refused(back, maja):
    maja.is_active = False

    maja.save()

    assert_refused(back, back.cookies.copy())


def test_deleted_person_is_refused(back, maja):
    maja.delete()

    assert_refused(back, back.cookies.copy())


def test_topics_that_are_no_longer_allowed_are_left_out(back, maja, stream, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != MILK,
    }

    permissions_changed(maja)

    assert topics(stream(back)) == set()


def test_cookie_is_ignored_with_another_session(back, tobias, client, stream):
    stolen = back.cookies[session_cache.COOKIE].value
    client.force_login(tobias)
    client.cookies[session_cache.COOKIE] = stolen

    response = stream(client)

    assert response.stream.connection.user == str(tobias.pk)


@pytest.mark.parametrize("cookie", ["", "x", "a:b:c", "é", "x" * 10_000, "\0"])
def test_forged_cookie_is_ignored(client, maja, stream, cookie):
    client.force_login(maja)
    client.cookies[session_cache.COOKIE] = cookie

    response = stream(client)

    assert response.stream.connection.user == str(maja.pk)


def test_cookie_signed_for_another_purpose_is_ignored(client, maja, tobias):
    client.force_login(maja)
    client.cookies[session_cache.COOKIE] = signing.dumps(str(tobias.pk))

    response = client.get(STREAM)

    assert response.stream.connection.user == str(maja.pk)
    response.close()


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


def in_the_future(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def test_session_that_redis_lost_is_read_from_the_database(
    back, maja, stream, redis_client, settings
):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.delete(f"{{{prefix}}}:sessions:{maja.pk}")

    assert topics(stream(back)) == {MILK}


def test_unreadable_cached_session_is_ignored(
    back, maja, stream, redis_client, settings
):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    key = f"{{{prefix}}}:sessions:{maja.pk}"
    for field in redis_client.hkeys(key):
        redis_client.hset(key, field, b"\xff")

    assert topics(stream(back)) == {MILK}


def test_cache_can_be_turned_off(client, maja, stream, settings, redis_client):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SESSION_CACHE_TTL": 0}
    client.force_login(maja)

    response = stream(client)

    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    assert session_cache.COOKIE not in response.cookies
    assert not redis_client.exists(f"{{{prefix}}}:sessions:{maja.pk}")


def test_reconnecting_client_gets_events_that_they_follow(back, stream):
    response = stream(back)

    record(MILK, title="live")

    chunks = iter(response)
    assert any(b"live" in next(chunks) for _ in range(4))


def test_cached_session_expires_in_redis(back, maja, redis_client, settings):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    assert 0 < redis_client.ttl(f"{{{prefix}}}:sessions:{maja.pk}") <= 7_200


def test_session_outside_the_database_is_not_cached(client, maja, stream, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    client.force_login(maja)

    response = stream(client)

    assert response.stream.connection.user == str(maja.pk)
    assert session_cache.COOKIE not in response.cookies


def test_impersonated_user_is_not_cached(client, maja, tobias, stream, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.as_tobias"]
    client.force_login(maja)

    response = stream(client)

    assert response.stream.connection.user == str(tobias.pk)
    assert session_cache.COOKIE not in response.cookies


def as_tobias(get_response):
    """A middleware that lets everybody act as Tobias."""

    def respond(request):
        request.user = User.objects.get(username="tobias")
        return get_response(request)

    return respond


def test_sign_out_takes_effect_while_redis_is_full(back, redis_client):
    cookies = back.cookies.copy()
    redis_client.config_set("maxmemory", 1)
    try:
        back.logout()

        assert_refused(back, cookies)
    finally:
        redis_client.config_set("maxmemory", 0)


def test_gap_deletes_all_cached_sessions(back, stream, redis_client, settings):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    redis_client.delete(f"{{{prefix}}}:log")

    wait_for(
        lambda: not redis_client.keys(f"{{{prefix}}}:sessions:*"),
        what="them to be gone",
    )


def test_only_the_last_sessions_of_a_person_are_cached(log, redis_client):
    store = log.session_store("7")
    for number in range(SESSIONS_PER_PERSON + 2):
        assert store.store(str(number), b"x", as_of=Cursor(1, 0), seconds=60)

    assert store.load(str(SESSIONS_PER_PERSON + 1)) == b"x"
    assert store.load("0") is None


def test_failed_command_does_not_affect_others(log, redis_client, settings):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.set(f"{{{prefix}}}:sessions:8", "no hash")
    log.session_store("7").store("s", b"x", as_of=Cursor(1, 0), seconds=60)

    with pytest.raises(LogUnavailable, match="WRONGTYPE"):
        log.session_store("8").load("s")

    assert log.session_store("7").load("s") == b"x"
