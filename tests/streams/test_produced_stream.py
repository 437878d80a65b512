"""A view's own generator as an event stream."""

import threading

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from notifications.api import (
    Event,
    EventStreamResponse,
    SharedStream,
    wants_event_stream,
)
from notifications.exceptions import TooManyStreams
from notifications.middleware import CursorMiddleware
from tests.streaming import StreamReader

# A response that is closed looks at the database connections.
pytestmark = pytest.mark.django_db

factory = RequestFactory()


@pytest.fixture
def respond():
    """A function that makes a response and closes it at the end of the test."""
    made = []

    def respond(events, **headers):
        request = factory.get("/", headers=headers)
        made.append(EventStreamResponse(events, request))
        return StreamReader(made[-1])

    yield respond
    for response in made:
        response.close()


def data_of(reader):
    """Return the data of the events until the end."""
    found = []
    while (event := reader.next()).event != "server_closed":
        if event.event != "heartbeat":
            found.append(event.data)
    return found


def test_items_of_an_iterable_are_streamed(respond):
    assert data_of(respond(["text", {"a": 1}, Event([1])])) == [
        "text",
        '{"a":1}',
        "[1]",
    ]


def test_function_is_given_the_last_event_id(respond):
    def after(last_event_id):
        yield f"after {last_event_id!r}"

    assert data_of(respond(after)) == ["after ''"]
    assert data_of(respond(after, Last_Event_ID="7")) == ["after '7'"]


def test_idle_generator_gets_heartbeats(respond, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "HEARTBEAT_INTERVAL": 0.1}
    going_on = threading.Event()

    def idle():
        assert going_on.wait(10)
        yield "late"

    reader = respond(idle())

    assert [reader.next().event for _ in range(2)] == ["heartbeat"] * 2
    going_on.set()
    assert data_of(reader) == ["late"]


def test_generator_is_closed_after_the_client_has_left(respond):
    going_on, closed = threading.Event(), threading.Event()

    def endless():
        try:
            while True:
                yield "more"
                assert going_on.wait(10)
        finally:
            closed.set()

    reader = respond(endless())
    reader.next()

    reader.response.close()
    going_on.set()

    assert closed.wait(10)


def test_shared_stream_runs_one_generator(respond):
    runs, going_on = [], threading.Event()

    def make():
        runs.append(1)
        assert going_on.wait(10)
        yield "same"

    shared = SharedStream(make)
    readers = [respond(shared) for _ in range(3)]
    going_on.set()

    assert [data_of(each) for each in readers] == [["same"]] * 3
    assert runs == [1]


def test_limit_of_streams_is_a_response_with_status_429(settings, respond):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_STREAMS_PER_ADDRESS": 1}
    going_on = threading.Event()
    respond(SharedStream(lambda: iter(going_on.wait, True)))

    with pytest.raises(TooManyStreams) as raised:
        respond(["another"])
    going_on.set()

    middleware = CursorMiddleware(lambda request: HttpResponse())
    response = middleware.process_exception(factory.get("/"), raised.value)
    assert response.status_code == 429
    assert response["Retry-After"]
    assert middleware.process_exception(factory.get("/"), KeyError()) is None


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/event-stream", True),
        ("text/event-stream, text/html;q=0.5", True),
        ("text/html,*/*;q=0.8", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_client_that_prefers_a_stream_is_told_from_a_browser(accept, expected):
    request = factory.get("/", headers={"Accept": accept})

    assert wants_event_stream(request) is expected
