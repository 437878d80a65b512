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
from tests.system.server import wait_for
from tests.views.test_views import STREAM, record

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


def test_coming_back_asks_the_database_nothing(back, stream, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = stream(back)

    assert topics(response) == {MILK}


def test_what_one_mutes_is_known_too(client, maja, stream, django_assert_num_queries):
    Follow.objects.set_level(maja, MILK, "mute")
    client.force_login(maja)
    stream(client).close()

    with django_assert_num_queries(0):
        response = stream(client)

    assert response.stream.connection.subscriptions.muted == {MILK}


def test_the_first_time_the_database_is_asked(
    client, maja, stream, django_assert_num_queries
):
    client.force_login(maja)

    with django_assert_num_queries(5):
        stream(client)


def test_the_cookie_is_for_the_stream_alone_and_no_script_reads_it(
    client, maja, stream
):
    client.force_login(maja)

    cookie = stream(client).cookies[session_cache.COOKIE]

    assert cookie["path"] == STREAM
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 7_200
    assert not cookie["secure"]


def test_over_https_the_cookie_stays_there(client, maja):
    client.force_login(maja)

    response = client.get(STREAM, secure=True)

    assert response.cookies[session_cache.COOKIE]["secure"]
    response.close()


def test_who_is_not_known_gets_no_cookie(client, stream):
    response = stream(client, f"{STREAM}?topic={MILK}")

    assert session_cache.COOKIE not in response.cookies


def test_a_change_of_follows_is_known_the_next_time(back, maja, stream):
    Follow.objects.set_level(maja, "topic:tea", "follow")
    first = topics(stream(back))

    Follow.objects.filter(topic=MILK).get().delete()

    assert first == {MILK, "topic:tea"}
    assert topics(stream(back)) == {"topic:tea"}


def test_a_change_while_a_stream_was_opened_is_not_forgotten(
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


def test_a_session_that_was_signed_out_is_refused(back):
    cookies = back.cookies.copy()

    back.logout()

    assert_refused(back, cookies)


def test_a_session_that_was_deleted_is_refused(back):
    cookies = back.cookies.copy()

    Session.objects.all().delete()

    assert_refused(back, cookies)


def test_sessions_that_had_expired_end_nothing(back, appended_controls):
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


def test_a_new_password_is_asked_for(back, maja):
    maja.set_password("another")

    maja.save()

    assert_refused(back, back.cookies.copy())


def test_who_was_deactivated_is_refused(back, maja):
    maja.is_active = False

    maja.save()

    assert_refused(back, back.cookies.copy())


def test_who_was_deleted_is_refused(back, maja):
    maja.delete()

    assert_refused(back, back.cookies.copy())


def test_what_one_may_no_longer_see_is_left_out(back, maja, stream, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != MILK,
    }

    permissions_changed(maja)

    assert topics(stream(back)) == set()


def test_the_cookie_is_of_no_use_with_another_session(back, tobias, client, stream):
    stolen = back.cookies[session_cache.COOKIE].value
    client.force_login(tobias)
    client.cookies[session_cache.COOKIE] = stolen

    response = stream(client)

    assert response.stream.connection.user == str(tobias.pk)


@pytest.mark.parametrize("cookie", ["", "x", "a:b:c", "é", "x" * 10_000, "\0"])
def test_a_forged_cookie_counts_for_nothing(client, maja, stream, cookie):
    client.force_login(maja)
    client.cookies[session_cache.COOKIE] = cookie

    response = stream(client)

    assert response.stream.connection.user == str(maja.pk)


def test_a_cookie_signed_for_something_else_counts_for_nothing(client, maja, tobias):
    client.force_login(maja)
    client.cookies[session_cache.COOKIE] = signing.dumps(str(tobias.pk))

    response = client.get(STREAM)

    assert response.stream.connection.user == str(maja.pk)
    response.close()


def test_a_session_that_has_run_out_is_refused(client, maja, monkeypatch):
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


def test_what_redis_has_forgotten_the_database_knows(
    back, maja, stream, redis_client, settings
):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.delete(f"{{{prefix}}}:sessions:{maja.pk}")

    assert topics(stream(back)) == {MILK}


def test_what_redis_holds_that_is_none_of_ours_counts_for_nothing(
    back, maja, stream, redis_client, settings
):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    key = f"{{{prefix}}}:sessions:{maja.pk}"
    for field in redis_client.hkeys(key):
        redis_client.hset(key, field, b"\xff")

    assert topics(stream(back)) == {MILK}


def test_it_can_be_turned_off(client, maja, stream, settings, redis_client):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SESSION_CACHE_TTL": 0}
    client.force_login(maja)

    response = stream(client)

    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    assert session_cache.COOKIE not in response.cookies
    assert not redis_client.exists(f"{{{prefix}}}:sessions:{maja.pk}")


def test_who_comes_back_hears_of_what_they_follow(back, stream):
    response = stream(back)

    record(MILK, title="live")

    chunks = iter(response)
    assert any(b"live" in next(chunks) for _ in range(4))


def test_redis_forgets_by_itself(back, maja, redis_client, settings):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    assert 0 < redis_client.ttl(f"{{{prefix}}}:sessions:{maja.pk}") <= 7_200


def test_a_session_that_is_no_row_is_not_remembered(client, maja, stream, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    client.force_login(maja)

    response = stream(client)

    assert response.stream.connection.user == str(maja.pk)
    assert session_cache.COOKIE not in response.cookies


def test_who_acts_as_somebody_else_is_not_remembered_as_them(
    client, maja, tobias, stream, settings
):
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


def test_a_right_that_ends_while_redis_is_full_has_ended(back, redis_client):
    cookies = back.cookies.copy()
    redis_client.config_set("maxmemory", 1)
    try:
        back.logout()

        assert_refused(back, cookies)
    finally:
        redis_client.config_set("maxmemory", 0)


def test_after_a_gap_everybody_is_looked_up(back, stream, redis_client, settings):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    redis_client.delete(f"{{{prefix}}}:log")

    wait_for(
        lambda: not redis_client.keys(f"{{{prefix}}}:sessions:*"),
        what="them to be gone",
    )


def test_of_a_person_with_many_sessions_the_last_are_remembered(log, redis_client):
    store = log.session_store("7")
    for number in range(SESSIONS_PER_PERSON + 2):
        assert store.store(str(number), b"x", as_of=Cursor(1, 0), seconds=60)

    assert store.load(str(SESSIONS_PER_PERSON + 1)) == b"x"
    assert store.load("0") is None


def test_one_wrong_command_is_nobody_elses_problem(log, redis_client, settings):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.set(f"{{{prefix}}}:sessions:8", "no hash")
    log.session_store("7").store("s", b"x", as_of=Cursor(1, 0), seconds=60)

    with pytest.raises(LogUnavailable, match="WRONGTYPE"):
        log.session_store("8").load("s")

    assert log.session_store("7").load("s") == b"x"
