"""A view that streams a channel, mounted at a path of the site's own."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory

from notifications.api import event_stream, permissions_changed
from notifications.compat.flask_sse import sse
from notifications.exceptions import LogUnavailable
from notifications.live.hub import shared_hub
from notifications.middleware import CursorMiddleware
from notifications.models import Follow
from notifications.protocol.topics import EVERYONE
from tests.streaming import STREAM, StreamReader, record
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

factory = RequestFactory()


@pytest.fixture
def open_view():
    """A function that calls a view and closes its stream at the end of the test."""
    opened = []

    def open_view(view, user=None):
        request = factory.get("/my/stream/")
        request.user, request.session = user or AnonymousUser(), None
        opened.append(view(request))
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


@pytest.fixture
def signed_in(log, client, maja):
    """The reader of a channel that a signed-in client streams."""
    client.force_login(maja)
    response = client.get(f"{STREAM}?channel=sse")
    reader = StreamReader(response)
    assert reader.next().event == "heartbeat"
    yield reader
    response.close()


def end_of(reader):
    """Return the reason for which a stream ends, without any event before."""
    return reader.next_named("server_closed").json()["reason"]


def test_channel_ends_when_its_client_signs_out(signed_in, client):
    client.logout()

    assert end_of(signed_in) == "signed_out"


def test_channel_ends_when_its_person_is_deactivated(signed_in, maja):
    maja.is_active = False
    maja.save()

    assert end_of(signed_in) == "deactivated"


def test_channel_ends_when_the_permissions_of_its_person_change(signed_in, maja):
    permissions_changed(maja)

    assert end_of(signed_in) == "permissions_changed"


def test_channel_does_not_get_the_events_of_its_person(signed_in, maja, log):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    record("topic:milk", EVERYONE)
    newest = log.position()
    wait_for(lambda: shared_hub().delivered_up_to >= newest, what="the hub to read")

    sse.publish("message")

    assert signed_in.next_named("message").data == "message"


def test_login_that_ended_while_the_permission_was_asked_ends_the_stream(
    log, maja, open_view
):
    def permission(request):
        maja.is_active = False
        maja.save()
        return True

    view = event_stream(channel="mounted", permission=permission)

    assert end_of(open_view(view, user=maja)) == "deactivated"


def test_gap_of_the_log_ends_the_stream_of_a_channel_without_a_reset(
    signed_in, redis_client, settings
):
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    redis_client.delete(f"{{{prefix}}}:log")

    assert end_of(signed_in) == "gap"


def test_only_get_is_allowed(log):
    assert event_stream(channel="mounted")(factory.post("/")).status_code == 405


def test_missing_redis_is_a_response_with_status_503(no_redis):
    view = event_stream(channel="mounted")
    middleware = CursorMiddleware(lambda request: HttpResponse())

    with pytest.raises(LogUnavailable) as raised:
        view(factory.get("/"))

    response = middleware.process_exception(factory.get("/"), raised.value)
    assert response.status_code == 503
    assert response["Retry-After"]
