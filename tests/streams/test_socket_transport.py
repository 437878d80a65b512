"""SocketTransport: writes to a socket, its buffer, and its end."""

import contextlib
import errno
import random
import socket

import pytest

from notifications.live.connection import Connection, State
from notifications.live.transports import ENDED
from notifications.protocol.frames import Batch
from notifications.streams.hijack import (
    SocketTransport,
)
from tests.clients import (
    BUFFER_BYTES,
    closed,
    frame,
    needs_epoll,
)

pytestmark = [needs_epoll, pytest.mark.usefixtures("small_buffer")]


def push(endpoint, *frames):
    endpoint.connection.push(Batch(frames))


def push_partial(endpoint):
    """Push a frame that is written only in part; return its body."""
    body = b"data: %s\n\n" % (b"y" * BUFFER_BYTES)
    push(endpoint, frame(1, body))
    return body


def test_pushed_frames_are_written_at_once(endpoint):
    push(endpoint, frame(1), frame(2))

    assert endpoint.client.read() == b"data: 1\n\ndata: 2\n\n"


def test_each_push_is_one_chunk(endpoint):
    push(endpoint, frame(1), frame(2))
    push(endpoint, frame(3))

    got = endpoint.client.socket.recv(BUFFER_BYTES)
    assert got == b"12\r\ndata: 1\n\ndata: 2\n\n\r\n" + b"9\r\ndata: 3\n\n\r\n"


def test_empty_batch_does_not_end_the_body(endpoint):
    push(endpoint)
    push(endpoint, frame(1))

    assert endpoint.client.read() == b"data: 1\n\n"
    assert not endpoint.client.body.finished


def test_last_frame_is_followed_by_the_last_chunk(endpoint):
    push_partial(endpoint)

    endpoint.connection.close("stopped")

    assert endpoint.read().endswith(closed("stopped"))
    assert endpoint.client.body.finished


def test_aborted_body_has_no_last_chunk(endpoint):
    push(endpoint, frame(1))

    endpoint.transport.abort()

    endpoint.read()
    assert endpoint.client.ended
    assert not endpoint.client.body.finished


@pytest.mark.parametrize("chunked", [False])
def test_body_without_chunks_ends_with_the_connection(endpoint):
    body = push_partial(endpoint)
    push(endpoint, frame(2))

    endpoint.connection.close("stopped", drain=True)

    assert endpoint.read() == body + b"data: 2\n\n" + closed("stopped")
    assert endpoint.client.ended


def test_rest_is_written_when_the_socket_is_writable(endpoint):
    body = push_partial(endpoint)
    push(endpoint, frame(2))
    push(endpoint, frame(3))

    assert len(endpoint.client.socket.recv(BUFFER_BYTES, socket.MSG_PEEK)) < len(body)
    assert endpoint.read() == body + b"data: 2\n\ndata: 3\n\n"


def test_frames_are_written_at_once_again_after_catching_up(endpoint):
    push_partial(endpoint)
    endpoint.read()

    push(endpoint, frame(2))

    assert endpoint.client.read() == b"data: 2\n\n"


def test_partial_writes_lose_no_byte(endpoint):
    chance = random.Random(5)
    sent, got = b"", b""

    for number in range(400):
        body = chance.randbytes(chance.choice([1, 100, 9_000, 40_000]))
        push(endpoint, frame(number, body))
        sent += body
        for _ in range(chance.randrange(4)):
            with contextlib.suppress(BlockingIOError):
                part = endpoint.client.socket.recv(chance.choice([1, 3_000, 60_000]))
                got += endpoint.client.body.feed(part)
            endpoint.poller.handle()
        if len(sent) - len(got) > BUFFER_BYTES // 2:
            got += endpoint.read()
    got += endpoint.read()

    assert got == sent
    assert endpoint.connection.state is State.OPEN


def test_client_that_is_too_far_behind_is_closed_as_slow(endpoint):
    push(endpoint, frame(1, b"x" * (2 * BUFFER_BYTES)))

    push(endpoint, frame(2))

    assert endpoint.connection.close_reason == "slow"
    assert endpoint.ended == [endpoint.connection]
    assert endpoint.socket.fileno() == -1
    assert b"data: 2" not in endpoint.read()
    assert endpoint.client.ended


def test_client_at_the_limit_stays_connected(endpoint):
    push(endpoint, frame(1, b"x" * BUFFER_BYTES))

    push(endpoint, frame(2))

    assert endpoint.connection.state is State.OPEN
    assert endpoint.read() == b"x" * BUFFER_BYTES + b"data: 2\n\n"


def test_close_sends_the_reason(endpoint):
    endpoint.connection.close("signed_out")

    assert endpoint.client.read() == closed("signed_out")
    assert endpoint.client.ended
    assert endpoint.ended == [endpoint.connection]


def test_close_with_drain_sends_the_buffer_first(endpoint):
    body = push_partial(endpoint)
    push(endpoint, frame(2))

    endpoint.connection.close("stopped", drain=True)

    assert endpoint.ended == []
    assert endpoint.read() == body + b"data: 2\n\n" + closed("stopped")
    assert endpoint.client.ended
    assert endpoint.ended == [endpoint.connection]


def test_close_without_drain_completes_only_the_partial_frame(endpoint):
    body = push_partial(endpoint)
    push(endpoint, frame(2))

    endpoint.connection.close("signed_out")

    assert endpoint.read() == body + closed("signed_out")
    assert endpoint.client.ended


def test_close_without_drain_drops_whole_frames(endpoint):
    full = b"x" * 1_000
    while endpoint.transport._writable:
        push(endpoint, frame(1, full))
    # The partial frame is completed, and no later one is sent.
    push(endpoint, frame(2))
    push(endpoint, frame(3))

    endpoint.connection.close("signed_out")

    got = endpoint.read()
    assert got == full * (len(got) // 1_000) + closed("signed_out")


@pytest.mark.parametrize("chunked", [False])
def test_last_frame_waits_until_the_socket_is_writable(endpoint):
    with contextlib.suppress(BlockingIOError):
        while True:
            endpoint.socket.send(b"x")

    endpoint.connection.close("stopped", drain=True)

    assert endpoint.ended == []
    assert endpoint.read().endswith(b"x" + closed("stopped"))
    assert endpoint.ended == [endpoint.connection]


def test_only_the_first_reason_is_sent(endpoint):
    push_partial(endpoint)
    endpoint.connection.close("signed_out", drain=True)

    endpoint.connection.close("stopped", drain=True)

    assert endpoint.read().count(b"server_closed") == 1
    assert endpoint.connection.close_reason == "signed_out"


def test_client_that_leaves_during_the_drain_ends_the_stream_once(endpoint):
    push_partial(endpoint)
    endpoint.connection.close("stopped", drain=True)

    endpoint.client.socket.close()
    endpoint.poller.handle()

    assert endpoint.ended == [endpoint.connection]
    assert endpoint.connection.transport is ENDED


def test_data_from_the_client_is_discarded(endpoint):
    endpoint.client.socket.send(b"GET / HTTP/1.1\r\n\r\n" * 500)

    for _ in range(10):
        endpoint.poller.handle()
    push(endpoint, frame(1))

    assert endpoint.epoll.poll(0) == []
    assert endpoint.client.read() == b"data: 1\n\n"
    assert endpoint.ended == []


def test_data_before_the_end_does_not_hide_that_the_client_left(endpoint):
    endpoint.client.socket.send(b"x" * 20_000)
    endpoint.client.socket.shutdown(socket.SHUT_WR)

    for _ in range(10):
        endpoint.poller.handle()

    assert endpoint.ended == [endpoint.connection]


def test_write_detects_that_the_client_left(endpoint):
    endpoint.client.socket.close()

    push(endpoint, frame(1))
    push(endpoint, frame(2))
    endpoint.poller.handle()

    assert endpoint.ended == [endpoint.connection]
    assert endpoint.connection.transport is ENDED


def test_client_that_leaves_with_a_full_buffer_ends_the_stream_once(endpoint):
    push_partial(endpoint)

    endpoint.client.socket.close()
    endpoint.poller.handle()
    endpoint.poller.handle()

    assert endpoint.ended == [endpoint.connection]
    assert endpoint.socket.fileno() == -1


def test_abort_closes_the_socket_and_is_idempotent(endpoint):
    push_partial(endpoint)

    endpoint.transport.abort()
    endpoint.transport.abort()
    endpoint.transport.close("stopped", drain=True)

    assert endpoint.ended == [endpoint.connection]
    assert endpoint.connection.transport is ENDED
    assert b"server_closed" not in endpoint.read()
    assert endpoint.client.ended


class NoMemory:
    """An epoll of the system, which cannot change what it watches."""

    def __init__(self, epoll):
        self._epoll = epoll

    def __getattr__(self, name):
        return getattr(self._epoll, name)

    def modify(self, fd, events):
        raise OSError(errno.ENOMEM, "no memory")


def test_stream_that_cannot_be_watched_ends(endpoint, caplog):
    endpoint.poller._epoll = NoMemory(endpoint.epoll)

    push_partial(endpoint)

    assert endpoint.ended == [endpoint.connection]
    assert endpoint.socket.fileno() == -1
    assert endpoint.connection.close_reason == "failed"
    assert caplog.text.count("[Errno 12]") == 1


def test_stream_that_cannot_be_watched_for_its_last_frame_ends(endpoint):
    endpoint.poller._epoll = NoMemory(endpoint.epoll)
    with contextlib.suppress(BlockingIOError):
        while True:
            endpoint.socket.send(b"x")

    endpoint.connection.close("stopped", drain=True)

    assert endpoint.ended == [endpoint.connection]


def test_on_end_may_close_the_connection_again(endpoint, clients):
    ended = []

    def detach(connection):
        ended.append(connection)
        connection.close("detached")

    client = clients()
    connection = Connection()
    connection.transport = SocketTransport(
        client.take(),
        connection,
        poller=endpoint.poller,
        on_end=detach,
        chunked=False,
    )

    connection.close("signed_out")

    assert ended == [connection]
    assert connection.close_reason == "signed_out"
    assert client.read() == closed("signed_out")
