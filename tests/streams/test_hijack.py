"""Hijacker: from the stream of a response to its socket."""

import contextlib
import errno
import select

import pytest

from notifications.live.connection import Connection
from notifications.live.transports import ENDED, QueueTransport
from notifications.protocol.chunks import framed
from notifications.protocol.frames import Batch
from notifications.streams.event_stream import EventStream
from notifications.streams.heartbeats import Heartbeats
from notifications.streams.hijack import (
    Hijacker,
    Poller,
    SocketTransport,
)
from tests.clients import (
    BUFFER_BYTES,
    closed,
    frame,
    needs_epoll,
    read_all,
)
from tests.system.eventsource import Chunks

pytestmark = [needs_epoll, pytest.mark.usefixtures("small_buffer")]

RETRY = b"retry: 3000\n"


class Opened:
    """An open stream, and the client at its socket."""

    def __init__(self, client, missed, queue, *, chunked):
        self.client = client
        self.chunked = chunked
        self.queue = queue or QueueTransport()
        self.connection = Connection(transport=self.queue)
        self.ended = []
        self.stream = EventStream(
            self.connection,
            self.queue,
            missed=iter(missed),
            heartbeat_for=lambda connection: Batch([frame(9)]),
            on_start=lambda: None,
            on_end=self.ended.append,
        )

    def hijack(self, hijacker):
        """Hijack the socket, as the worker does."""
        first = framed(b"".join(self.stream.opening), chunked=self.chunked)
        hijacker.hijack(
            self.stream, self.client.take(), first=first, chunked=self.chunked
        )
        self.stream.close()


@pytest.fixture
def poller():
    with contextlib.closing(select.epoll()) as epoll:
        yield Poller(epoll)


@pytest.fixture
def hijacker(poller):
    heartbeats = Heartbeats(lambda connection: Batch([frame(9)]))
    return Hijacker(poller, heartbeats)


@pytest.fixture(params=[True, False], ids=["chunked", "whole"])
def open_stream(request, clients):
    """A function that opens a stream with these missed frames."""

    def open_stream(missed=(), *, queue=None):
        client = clients(Chunks() if request.param else None)
        return Opened(client, missed, queue, chunked=request.param)

    return open_stream


def test_hijacked_stream_continues_on_its_socket(hijacker, open_stream):
    opened = open_stream([frame(1)])

    opened.hijack(hijacker)
    opened.connection.push(Batch([frame(2)]))

    assert opened.client.read() == RETRY + b"data: 1\n\ndata: 2\n\n"
    assert opened.ended == []
    assert isinstance(opened.connection.transport, SocketTransport)


def test_frames_pushed_during_the_opening_follow_it(hijacker, open_stream):
    def missed():
        yield frame(1)
        opened.connection.push(Batch([frame(3)]))
        yield frame(2)
        opened.connection.push(Batch([frame(4), frame(5)]))

    opened = open_stream(missed())

    opened.hijack(hijacker)

    expected = b"".join(frame(number).body for number in range(1, 6))
    assert opened.client.read() == RETRY + expected
    assert opened.queue.take(seconds=0) == []


def test_frames_pushed_during_the_hand_over_follow_the_opening(hijacker, open_stream):
    class YieldingQueue(QueueTransport):
        """A queue whose `take` lets others run, as under gevent."""

        def take(self, *, seconds):
            opened.connection.push(Batch([frame(1)]))
            return super().take(seconds=seconds)

    opened = open_stream(queue=YieldingQueue())

    opened.hijack(hijacker)

    assert opened.client.read() == RETRY + b"data: 1\n\n"


def test_long_opening_is_written_before_live_frames(poller, hijacker, open_stream):
    opened = open_stream([frame(1, b"x" * BUFFER_BYTES)])

    opened.hijack(hijacker)
    opened.connection.push(Batch([frame(2)]))

    assert (
        read_all(poller, opened.client) == RETRY + b"x" * BUFFER_BYTES + b"data: 2\n\n"
    )


def test_connection_closed_before_the_hijack_sends_the_reason(hijacker, open_stream):
    opened = open_stream()
    opened.connection.push(Batch([frame(1)]))
    opened.connection.close("stopped", drain=True)

    opened.hijack(hijacker)

    assert opened.client.read() == RETRY + b"data: 1\n\n" + closed("stopped")
    assert opened.client.ended
    assert opened.ended == [opened.connection]
    assert opened.connection.transport is ENDED


def test_connection_closed_before_the_hijack_drops_its_frames(hijacker, open_stream):
    opened = open_stream()
    opened.connection.push(Batch([frame(1)]))
    opened.connection.close("signed_out")

    opened.hijack(hijacker)

    assert opened.client.read() == RETRY + closed("signed_out")
    assert opened.ended == [opened.connection]


def test_client_that_left_during_the_opening_ends_the_stream_once(
    poller, hijacker, open_stream
):
    opened = open_stream([frame(1)])
    opened.client.socket.close()

    opened.hijack(hijacker)
    poller.handle()

    assert opened.ended == [opened.connection]
    assert opened.connection.transport is ENDED


def test_calls_after_the_end_are_ignored(hijacker, open_stream):
    opened = open_stream()
    opened.hijack(hijacker)
    opened.connection.close("stopped", drain=True)

    opened.connection.push(Batch([frame(1)]))
    opened.connection.close("again")
    opened.connection.hang_up()

    assert opened.client.read() == RETRY + closed("stopped")
    assert opened.ended == [opened.connection]


def test_hijack_that_fails_ends_the_connection(monkeypatch, hijacker, open_stream):
    def start(transport, first):
        raise OSError(errno.ENOMEM, "no memory")

    monkeypatch.setattr(SocketTransport, "start", start)
    opened = open_stream()

    with pytest.raises(OSError, match="no memory"):
        opened.hijack(hijacker)

    assert opened.ended == [opened.connection]
    assert opened.connection.transport is ENDED
