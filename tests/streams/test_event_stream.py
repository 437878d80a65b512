import gzip

import pytest
from django.http import HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.test import RequestFactory

from notifications.live.connection import Connection
from notifications.live.subscriber import Subscriber
from notifications.live.transports import QueueTransport
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch, Frame
from notifications.streams.event_stream import ConnectionResponse, EventStream
from notifications.streams.writes import WRITE_BYTES, join
from tests.streaming import parse


class Recorder:
    """Records the calls of `on_start` and `on_end`."""

    def __init__(self):
        self.started = 0
        self.ended = []

    def start(self):
        self.started += 1

    def end(self, connection):
        self.ended.append(connection)


@pytest.fixture
def recorder():
    return Recorder()


def stream_of(connection, recorder, *, missed=()):
    return EventStream(
        connection,
        connection.transport,
        missed=iter([Batch(missed)] if missed else []),
        heartbeat_for=lambda connection: Batch([frames.heartbeat(Cursor(9, 0))]),
        on_start=recorder.start,
        on_end=recorder.end,
    )


def frame(number):
    return Frame(Cursor(number, 0), b"data: %d\n\n" % number)


def test_stream_begins_with_the_retry_interval_and_the_missed_frames(recorder):
    stream = stream_of(Connection(), recorder, missed=[frame(1), frame(2)])

    assert [next(stream), next(stream)] == [
        b"retry: 3000\n",
        b"data: 1\n\ndata: 2\n\n",
    ]


def test_waiting_frames_are_joined_into_one_write(recorder):
    connection = Connection()
    connection.push(Batch([frame(1), frame(2)]))
    stream = stream_of(connection, recorder)
    next(stream)

    assert next(stream) == b"data: 1\n\ndata: 2\n\n"


def test_idle_stream_gets_heartbeats_with_a_cursor(recorder, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "HEARTBEAT_INTERVAL": 0.1}
    stream = stream_of(Connection(), recorder)
    next(stream)

    [event] = parse(next(stream))

    assert (event.event, event.id, event.data) == ("heartbeat", "9-0", "{}")


def test_closed_connection_sends_the_reason_and_ends_the_stream(recorder):
    connection = Connection()
    stream = stream_of(connection, recorder)
    next(stream)
    connection.push(Batch([frame(1)]))

    connection.close("stopped", drain=True)

    [live, last] = [*stream]
    assert live == b"data: 1\n\n"
    assert last == b'event: server_closed\ndata: {"reason":"stopped"}\n\n'


def test_on_start_is_called_with_the_first_byte(recorder):
    stream = stream_of(Connection(), recorder)
    assert recorder.started == 0

    next(stream)

    assert recorder.started == 1


def test_on_end_is_called_when_closed_before_the_first_byte(recorder):
    response = ConnectionResponse(stream_of(Connection(), recorder))

    for close in response._resource_closers:
        close()

    assert (recorder.started, len(recorder.ended)) == (0, 1)


def test_stream_is_not_cached_buffered_or_compressed(recorder):
    request = RequestFactory().get("/", HTTP_ACCEPT_ENCODING="gzip")
    response = ConnectionResponse(stream_of(Connection(), recorder))

    passed = GZipMiddleware(lambda request: response)(request)

    assert passed["Content-Type"] == "text/event-stream; charset=utf-8"
    assert passed["Cache-Control"] == "no-store"
    assert passed["X-Accel-Buffering"] == "no"
    assert next(iter(passed)) == b"retry: 3000\n"


def test_middleware_compresses_other_responses():
    request = RequestFactory().get("/", HTTP_ACCEPT_ENCODING="gzip")

    passed = GZipMiddleware(lambda request: HttpResponse("x" * 500))(request)

    assert gzip.decompress(passed.content) == b"x" * 500


def test_long_replay_is_split_into_writes():
    many = [Frame(Cursor(1, 0), b"x" * 1_000)] * 40

    chunks = list(join(iter(many)))

    assert b"".join(chunks) == b"x" * 40_000
    assert all(len(chunk) <= WRITE_BYTES + 1_000 for chunk in chunks)


def test_on_end_is_called_when_nobody_closes_the_stream(recorder):
    stream = stream_of(Connection(), recorder)
    next(stream)

    del stream

    assert len(recorder.ended) == 1


def test_stream_ends_when_it_expires(recorder):
    now = [0.0]
    connection = Connection(Subscriber(seconds=60), clock=lambda: now[0])
    stream = stream_of(connection, recorder)
    next(stream)
    connection.push(Batch([frame(1)]))

    now[0] = 60

    assert [*stream] == [
        b"data: 1\n\n",
        b'event: server_closed\ndata: {"reason":"expired"}\n\n',
    ]


def test_handed_over_connection_outlives_its_stream(recorder):
    connection, transport = Connection(), QueueTransport()
    stream = stream_of(connection, recorder)
    next(stream)
    connection.push(Batch([frame(1)]))

    waiting = stream.hand_over(transport)
    stream.close()
    connection.push(Batch([frame(2)]))

    assert waiting.body == b"data: 1\n\n"
    assert transport.take(seconds=0) == [frame(2)]
    assert recorder.ended == []
