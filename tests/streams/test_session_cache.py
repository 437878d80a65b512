"""Cached sessions: what they hold, their cookie, and when none is used."""

import time

import pytest
from django.core import signing

from notifications.exceptions import LogUnavailable
from notifications.log.session_store import SESSIONS_PER_PERSON
from notifications.models import Follow
from notifications.protocol.cursor import Cursor
from notifications.streams import session_cache
from tests.streaming import STREAM, followed_topics, record
from tests.users import user_named

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


def test_reconnecting_client_needs_no_query(
    reconnecting, stream, django_assert_num_queries
):
    with django_assert_num_queries(0):
        response = stream(reconnecting)

    assert followed_topics(response) == {MILK}


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

    with django_assert_num_queries(3):
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


def test_change_of_follows_applies_to_the_next_stream(reconnecting, maja, stream):
    Follow.objects.set_level(maja, "topic:tea", "follow")
    first = followed_topics(stream(reconnecting))

    Follow.objects.filter(topic=MILK).get().delete()

    assert first == {MILK, "topic:tea"}
    assert followed_topics(stream(reconnecting)) == {"topic:tea"}


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

    assert followed_topics(stream(client)) == {MILK}


def test_cookie_is_ignored_with_another_session(reconnecting, tobias, client, stream):
    stolen = reconnecting.cookies[session_cache.COOKIE].value
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


def test_session_that_redis_lost_is_read_from_the_database(
    reconnecting, maja, stream, redis_client, settings
):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.delete(f"{{{prefix}}}:reader:{maja.pk}")

    assert followed_topics(stream(reconnecting)) == {MILK}


def test_unreadable_cached_session_is_ignored(
    reconnecting, maja, stream, redis_client, settings
):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    key = f"{{{prefix}}}:reader:{maja.pk}"
    for field in redis_client.hkeys(key):
        redis_client.hset(key, field, b"\xff")

    assert followed_topics(stream(reconnecting)) == {MILK}


def test_cache_can_be_turned_off(client, maja, stream, settings, redis_client):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SESSION_CACHE_TTL": 0}
    client.force_login(maja)

    response = stream(client)

    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    assert session_cache.COOKIE not in response.cookies
    assert not redis_client.exists(f"{{{prefix}}}:reader:{maja.pk}")


def test_reconnecting_client_gets_events_that_they_follow(reconnecting, stream):
    response = stream(reconnecting)

    record(MILK, title="live")

    chunks = iter(response)
    assert any(b"live" in next(chunks) for _ in range(4))


def test_cached_session_expires_in_redis(reconnecting, maja, redis_client, settings):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    assert 0 < redis_client.ttl(f"{{{prefix}}}:reader:{maja.pk}") <= 7_200


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
    """A middleware that makes everybody Tobias."""

    def respond(request):
        request.user = user_named("tobias")
        return get_response(request)

    return respond


def test_only_the_last_sessions_of_a_person_are_cached(log):
    store = log.session_store("7")
    for number in range(SESSIONS_PER_PERSON + 2):
        assert store.store(str(number), b"x", as_of=Cursor(1, 0), seconds=60)

    newest = str(SESSIONS_PER_PERSON + 1)
    assert log.load_sessions([("7", newest), ("7", "0")]) == [b"x", None]


def test_change_that_is_appended_again_does_not_hide_a_later_one(log):
    first, later = ("1", b"first", "7"), ("2", b"later", "7")
    log.append_controls([first])
    in_between = log.position()
    log.append_controls([later])

    log.append_controls([first])

    store = log.session_store("7")
    assert not store.store("s", b"x", as_of=in_between, seconds=60)
    assert store.store("s", b"x", as_of=log.position(), seconds=60)


def test_failed_command_does_not_affect_others(log, redis_client, settings):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.set(f"{{{prefix}}}:reader:8", "no hash")
    log.session_store("7").store("s", b"x", as_of=Cursor(1, 0), seconds=60)

    with pytest.raises(LogUnavailable, match="WRONGTYPE"):
        log.session_store("8").store("s", b"x", as_of=Cursor(1, 0), seconds=60)

    assert log.load_sessions([("8", "s"), ("7", "s")]) == [None, b"x"]
