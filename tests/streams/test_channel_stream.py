"""A view that streams a channel, mounted at a path of the site's own."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory

from notifications.api import event_stream
from notifications.compat.flask_sse import sse
from notifications.middleware import CursorMiddleware
from tests.streaming import STREAM, StreamReader

pytestmark = pytest.mark.django_db

factory = RequestFactory()


@pytest.fixture
def open_view():
    """A function that calls a view and closes its stream at the end of the test."""
    opened = []

    def open_view(view):
        opened.append(view(factory.get("/my/stream/")))
        return StreamReader(opened[-1])

    yield open_view
    for response in opened:
        response.close()


def test_channel_is_streamed_wherever_it_is_mounted(log, open_view):
    reader = open_view(event_stream(channel="mounted"))

    sse.publish({"a": 1}, type="chat", retry=5000, channel="mounted")

    event = reader.next_named("chat")
    assert event.json() == {"a": 1}
    assert event.retry == 5000


def test_mounted_channel_is_not_streamed_elsewhere(log, client):
    event_stream(channel="mounted")

    assert client.get(f"{STREAM}?channel=mounted").status_code == 404


def test_permission_decides(log, open_view):
    allowed = []
    view = event_stream(channel="mounted", permission=lambda request: bool(allowed))

    with pytest.raises(PermissionDenied):
        view(factory.get("/my/stream/"))
    allowed.append(1)
    assert open_view(view).next().event == "heartbeat"


def test_only_get_is_allowed(log):
    assert event_stream(channel="mounted")(factory.post("/")).status_code == 405


def test_missing_redis_is_a_response_with_status_503(no_redis):
    view = event_stream(channel="mounted")
    middleware = CursorMiddleware(lambda request: HttpResponse())

    with pytest.raises(Exception, match=r"channels") as raised:
        view(factory.get("/"))

    response = middleware.process_exception(factory.get("/"), raised.value)
    assert response.status_code == 503
    assert response["Retry-After"]
