"""Clients that reconnect are served before the site, and all others by it."""

import pytest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.test import RequestFactory
from django.urls import set_script_prefix

from notifications.api import EventStreamResponse
from notifications.exceptions import LogUnavailable
from notifications.middleware import serve_reconnects
from notifications.protocol.entries import row_key
from notifications.protocol.sse import EVENT_STREAM
from notifications.streams import reconnects, session_cache
from tests.streaming import STREAM, StreamReader, followed_topics, record

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


class Site:
    """The site's WSGI application, wrapped; counts the requests that reach the site."""

    def __init__(self, client):
        self._client = client
        self.application = WSGIHandler()
        self._wrapped = serve_reconnects(self._count)
        self._responses = []
        self.requests = 0
        self.started = []

    def _count(self, environ, start_response):
        self.requests += 1
        return self.application(environ, start_response)

    def _start(self, status, headers, exc_info=None):
        self.started.append((status, dict(headers)))

    def get(self, path=STREAM, *, cookies=None, **environ):
        """Send what an EventSource sends, with the cookies of the client."""
        if cookies is None:
            cookies = {key: each.value for key, each in self._client.cookies.items()}
        headers = {
            "HTTP_ACCEPT": EVENT_STREAM,
            "HTTP_COOKIE": "; ".join(f"{key}={each}" for key, each in cookies.items()),
        }
        request = RequestFactory().get(path, **headers | environ)
        response = self._wrapped(request.environ, self._start)
        response.status_code = int(self.started[-1][0].split()[0])
        self._responses.append(response)
        return response

    def close(self):
        for response in self._responses:
            response.close()


@pytest.fixture
def site(reconnecting):
    """A site that has opened a stream for a client, which will reconnect."""
    site = Site(reconnecting)
    site.get()
    site.requests = 0
    yield site
    site.close()
    # A request with a SCRIPT_NAME sets it for the thread.
    set_script_prefix("/")


def test_client_that_reconnects_does_not_reach_the_site(
    site, maja, django_assert_num_queries
):
    with django_assert_num_queries(0):
        response = site.get()

    assert site.requests == 0
    assert followed_topics(response) == {MILK}
    assert response.stream.connection.user == str(maja.pk)


def test_page_that_reconnects_names_its_user(site, maja, tobias):
    response = site.get(f"{STREAM}?user={maja.pk}&last_event_id=1-0")
    of_other = site.get(f"{STREAM}?user={tobias.pk}&last_event_id=1-0")

    assert (response.status_code, of_other.status_code) == (200, 409)
    assert site.requests == 1


def test_response_has_the_headers_that_keep_it_from_being_stored(site):
    site.get()

    status, headers = site.started[-1]
    assert status == "200 OK"
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("place", ["header", "query", "both"])
def test_client_gets_the_events_that_it_missed(site, place):
    cursor = StreamReader(site.get()).next().id
    event = record(MILK)
    queries = {"header": "", "query": f"?last_event_id={cursor}"}
    headers = {} if place == "query" else {"HTTP_LAST_EVENT_ID": cursor}

    response = site.get(STREAM + queries.get(place, "?last_event_id=1-0"), **headers)

    # The hub may read the event before or after the client is attached.
    later = record(MILK)
    reader = StreamReader(response)
    found = [reader.next_named("new_question").json()["uid"] for _ in range(2)]
    assert found == [str(event.uid), str(later.uid)]
    assert site.requests == 0


def test_bell_counts_the_events_that_the_client_missed(site):
    cursor = StreamReader(site.get()).next().id
    event = record(MILK)

    reader = StreamReader(site.get(f"{STREAM}?last_event_id={cursor}&unseen=2"))

    # The hub may read the event before or after the client is attached.
    count = {"unseen": 2}
    while count == {"unseen": 2}:
        found = reader.next()
        count = found.json() if found.event == "count" else count
    assert count == {"unseen": 3, "more": [row_key(event.group)]}
    assert site.requests == 0


def test_bell_of_another_cursor_is_not_counted(site):
    cursor = StreamReader(site.get()).next().id

    response = site.get(
        f"{STREAM}?last_event_id=1-0&unseen=2", HTTP_LAST_EVENT_ID=cursor
    )

    assert response.stream.connection.unseen_count is None
    assert site.requests == 0


@pytest.mark.parametrize(
    "query",
    [
        f"topic={MILK}", "channel=sse", "unseen=101", "unseen=x", "last_event_id=x",
        "last_event_id=1-0&last_event_id=2-0", "last_event_id=1-0unseen=1", "a=b", "&",
    ],
)  # fmt: skip
def test_other_queries_reach_the_site(site, query):
    site.get(f"{STREAM}?{query}")

    assert site.requests == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("REQUEST_METHOD", "POST"),
        ("HTTP_ACCEPT", "*/*"),
        ("HTTP_HOST", "elsewhere.example"),
        ("SERVER_PORT", "8000"),
        ("wsgi.url_scheme", "https"),
        ("SCRIPT_NAME", "/site"),
        ("HTTP_X_FORWARDED_HOST", "elsewhere.example"),
        ("HTTP_X_FORWARDED_PROTO", "https"),
        ("HTTP_ORIGIN", "https://elsewhere.example"),
        ("HTTP_AUTHORIZATION", "Bearer x"),
        ("REMOTE_USER", "tobias"),
        ("CONTENT_LENGTH", "7"),
        ("HTTP_TRANSFER_ENCODING", "chunked"),
    ],
)
def test_requests_in_another_form_reach_the_site(site, key, value):
    site.get(**{key: value})

    assert site.requests == 1


@pytest.mark.parametrize("missing", ["sessionid", session_cache.COOKIE])
def test_client_without_a_cookie_reaches_the_site(site, reconnecting, missing):
    cookies = {key: each.value for key, each in reconnecting.cookies.items()}
    del cookies[missing]

    site.get(cookies=cookies)

    assert site.requests == 1


def test_cookie_of_another_session_reaches_the_site(site, reconnecting, tobias):
    stolen = reconnecting.cookies[session_cache.COOKIE].value
    reconnecting.force_login(tobias)
    reconnecting.cookies[session_cache.COOKIE] = stolen

    response = site.get()

    assert site.requests == 1
    assert response.stream.connection.user == str(tobias.pk)


def test_client_that_has_signed_out_is_refused_by_the_site(site, reconnecting):
    cookies = {key: each.value for key, each in reconnecting.cookies.items()}
    reconnecting.logout()

    response = site.get(cookies=cookies)

    assert site.requests == 1
    assert response.status_code == 403


def test_client_with_too_many_streams_is_refused_by_the_site(site, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_STREAMS": 1}

    response = site.get()

    assert site.requests == 1
    assert response.status_code == 429


def test_client_reaches_the_site_while_redis_is_away(site, monkeypatch):
    def unavailable(wanted):
        raise LogUnavailable("away")

    monkeypatch.setattr(session_cache._batcher, "request", unavailable)

    site.get()

    assert site.requests == 1


def test_first_client_of_an_address_reaches_the_site(reconnecting):
    site = Site(reconnecting)

    site.get()
    site.get()
    site.close()

    assert site.requests == 1


def test_scheme_that_a_proxy_names_is_a_part_of_the_address(reconnecting, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_SCHEME", "https")
    site = Site(reconnecting)
    site.get()

    site.get(HTTP_X_SCHEME="https")
    site.close()

    assert site.requests == 2


def test_address_that_the_site_refuses_is_not_learned(site, settings):
    settings.ALLOWED_HOSTS = ["testserver"]

    for _ in range(2):
        response = site.get(HTTP_HOST="elsewhere.example")
        assert response.status_code == 400

    assert site.requests == 2


def test_address_where_only_an_anonymous_client_has_a_stream_is_not_learned(
    site, settings
):
    settings.ALLOWED_HOSTS = ["*"]
    elsewhere = {"HTTP_HOST": "elsewhere.example"}
    anonymous = site.get(f"{STREAM}?topic={MILK}", cookies={}, **elsewhere)
    assert anonymous.status_code == 200

    site.get(**elsewhere)

    assert site.requests == 2


def test_address_of_a_stream_that_a_view_makes_is_not_learned(site, reconnecting, maja):
    def view(environ, start_response):
        request = WSGIRequest(environ)
        request.user, request.session = maja, reconnecting.session
        response = EventStreamResponse(["tick"], request)
        start_response("200 OK", [*response.items()])
        return response

    site.application = view

    for _ in range(2):
        assert StreamReader(site.get("/ticks/")).next_named("message").data == "tick"

    assert site.requests == 2


def test_few_addresses_are_remembered(site, settings, monkeypatch):
    monkeypatch.setattr(reconnects, "MAX_ADDRESSES", 2)
    settings.ALLOWED_HOSTS = ["*"]

    for _ in range(2):
        for host in ("one.example", "two.example"):
            site.get(HTTP_HOST=host)

    assert site.requests == 3
