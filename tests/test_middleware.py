import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from notifications.exceptions import LogUnavailable
from notifications.live.connection import Connection
from notifications.live.hub import shared_hub
from notifications.middleware import CursorMiddleware
from notifications.protocol.cursor import Cursor

PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.fixture
def request_through(rf: RequestFactory):
    """A function that sends a request through the middleware and returns it."""

    def send(method="GET", accept=PAGE):
        seen = []
        middleware = CursorMiddleware(
            lambda request: seen.append(request) or HttpResponse("page")
        )
        response = middleware(rf.generic(method, "/", headers={"Accept": accept}))
        assert response.content == b"page"
        return seen[0]

    return send


def test_page_has_the_newest_cursor(request_through, log):
    log.append([("1", b"{}")])

    request = request_through()

    assert request.notifications_cursor == str(log.position())


def test_cursor_is_from_before_the_view(rf, log):
    cursors = []

    def view(request):
        cursors.extend(log.append([("1", b"{}")]))
        cursors.append(Cursor.parse(request.notifications_cursor))
        return HttpResponse()

    CursorMiddleware(view)(rf.get("/", headers={"Accept": PAGE}))

    appended, noted = cursors
    assert noted < appended


def test_empty_log_has_a_cursor(request_through):
    assert Cursor.parse(request_through().notifications_cursor) > Cursor(0, 0)


def test_head_request_has_a_cursor(request_through):
    assert request_through("HEAD").notifications_cursor


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_request_with_another_method_has_no_cursor(request_through, method):
    assert not hasattr(request_through(method), "notifications_cursor")


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_request_for_another_type_has_no_cursor(request_through, accept):
    assert not hasattr(request_through(accept=accept), "notifications_cursor")


def test_page_has_a_cursor_under_asgi(log):
    seen = []

    async def view(request):
        seen.append(request)
        return HttpResponse("page")

    middleware = CursorMiddleware(view)
    request = AsyncRequestFactory().get("/", headers={"Accept": PAGE})
    response = async_to_sync(middleware)(request)

    assert iscoroutinefunction(middleware)
    assert response.content == b"page"
    assert seen[0].notifications_cursor == str(log.position())


@pytest.mark.parametrize("headers", [{}, {"Notifications-User": ""}])
def test_script_that_fetches_a_page_under_asgi_uses_up_no_messages(headers):
    async def view(request):
        return HttpResponse(get_messages(request))

    request = AsyncRequestFactory().get("/", headers=headers)
    request._messages = CookieStorage(request)
    async_to_sync(CursorMiddleware(view))(request)

    assert request._messages.used == (not headers)


def test_page_is_shown_without_redis(request_through, no_redis):
    assert request_through().notifications_cursor == ""


def test_page_needs_no_redis_while_the_hub_reads_the_log(client, db, log, monkeypatch):
    hub = shared_hub()
    hub.ensure_started()
    position = hub.position
    hub.attach(Connection(requested_topics=["topic:a"]), after=None, as_of=position)

    def fail():
        raise LogUnavailable("no turn")

    monkeypatch.setattr(log, "position", fail)

    response = client.get("/")

    assert response.wsgi_request.notifications_cursor == str(position)
