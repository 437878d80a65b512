import contextlib
import random
import select
import socket
from pathlib import Path

import pytest

from notifications.live.connection import Connection, State
from notifications.live.transports import ENDED, QueueTransport
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch, Frame, server_closed
from notifications.streams.event_stream import EventStream
from notifications.streams.heartbeats import Heartbeats
from notifications.streams.hijack import (
    MAX_POLL_EVENTS,
    Hijacker,
    Poller,
    SocketTransport,
)
from tests.clients import Client, SocketEndpoint, needs_epoll, plain, read_all
from tests.system.server import wait_for

pytestmark = needs_epoll

LIMIT = 65_536
MANY = 300
# Makes the kernel reset a connection that is closed: socket(7), SO_LINGER.
NO_LINGER = b"\1\0\0\0\0\0\0\0"


@pytest.fixture(autouse=True)
def limit(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "CLIENT_BUFFER_BYTES": LIMIT}


@pytest.fixture
def clients():
    """A function that returns a client, which is closed after the test."""
    with contextlib.ExitStack() as stack:

        def make():
            return stack.enter_context(contextlib.closing(Client()))

        yield make


@pytest.fixture
def endpoint():
    """A connection whose socket was hijacked."""
    endpoint = SocketEndpoint(Connection())
    yield endpoint
    endpoint.close()


def frame(number, body=b""):
    return Frame(Cursor(number, 0), body or b"data: %d\n\n" % number)


def push(endpoint, *frames):
    endpoint.connection.push(Batch(frames))


def push_partial(endpoint):
    """Push a frame that is written only in part; return its body."""
    body = b"data: %s\n\n" % (b"y" * LIMIT)
    push(endpoint, frame(1, body))
    return body


def closed(reason):
    return server_closed(reason).body


def test_pushed_frames_are_written_at_once(endpoint):
    push(endpoint, frame(1), frame(2))

    assert endpoint.client.read() == b"data: 1\n\ndata: 2\n\n"


def test_rest_is_written_when_the_socket_is_writable(endpoint):
    body = push_partial(endpoint)
    push(endpoint, frame(2))
    push(endpoint, frame(3))

    assert len(endpoint.client.socket.recv(LIMIT, socket.MSG_PEEK)) < len(body)
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
                got += endpoint.client.socket.recv(chance.choice([1, 3_000, 60_000]))
            endpoint.poller.handle()
        if len(sent) - len(got) > LIMIT // 2:
            got += endpoint.read()
    got += endpoint.read()

    assert got == sent
    assert endpoint.connection.state is State.OPEN


def test_socket_is_not_watched_for_writing_without_a_buffer(endpoint):
    push(endpoint, frame(1))
    endpoint.client.read()

    assert endpoint.epoll.poll(0) == []


def test_client_that_is_too_far_behind_is_closed_as_slow(endpoint):
    push(endpoint, frame(1, b"x" * (2 * LIMIT)))

    push(endpoint, frame(2))

    assert endpoint.connection.close_reason == "slow"
    assert endpoint.ended == [endpoint.connection]
    assert endpoint.socket.fileno() == -1
    assert b"data: 2" not in endpoint.read()
    assert endpoint.client.ended


def test_client_at_the_limit_stays_connected(endpoint):
    push(endpoint, frame(1, b"x" * LIMIT))

    push(endpoint, frame(2))

    assert endpoint.connection.state is State.OPEN
    assert endpoint.read() == b"x" * LIMIT + b"data: 2\n\n"


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


def test_on_end_may_close_the_connection_again(endpoint, clients):
    ended = []

    def detach(connection):
        ended.append(connection)
        connection.close("detached")

    client = clients()
    connection = Connection()
    connection.transport = SocketTransport(
        client.take(), connection, poller=endpoint.poller, on_end=detach
    )

    connection.close("signed_out")

    assert ended == [connection]
    assert connection.close_reason == "signed_out"
    assert client.read() == closed("signed_out")


def tcp():
    """Return the server's and the client's end of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        server, _ = listening.accept()
    return server, client


def watched(epoll):
    """Return how many sockets an epoll watches: proc(5), /proc/pid/fdinfo."""
    return Path(f"/proc/self/fdinfo/{epoll.fileno()}").read_text().count("tfd:")


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("waiting", [False, True], ids=["idle", "behind"])
def test_client_that_leaves_ends_its_stream_once(reset, waiting):
    server, client = tcp()
    ended = []
    connection = Connection()
    with contextlib.closing(select.epoll()) as epoll, client:
        poller, ours = Poller(epoll), plain(server)
        transport = SocketTransport(
            ours, connection, poller=poller, on_end=ended.append
        )
        connection.transport = transport
        if waiting:
            connection.push(Batch([frame(1, b"x" * 9_000_000)]))
        assert watched(epoll) == 1

        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            client.close()
        else:
            client.shutdown(socket.SHUT_WR)
        wait_for(lambda: poller.handle() or ended, what="the end")
        poller.handle()

        assert ended == [connection]
        assert connection.transport is ENDED
        assert ours.fileno() == -1
        assert watched(epoll) == 0


def test_more_ready_sockets_than_one_poll_returns_are_all_served(endpoint, clients):
    several = [clients() for _ in range(MANY)]
    connections = [Connection() for _ in several]
    body = b"x" * 30_000
    for client, connection in zip(several, connections, strict=True):
        connection.transport = SocketTransport(
            client.take(),
            connection,
            poller=endpoint.poller,
            on_end=endpoint.ended.append,
        )
        connection.push(Batch([frame(1, body)]))
    assert MANY > MAX_POLL_EVENTS

    got = [client.read() for client in several]
    while any(len(each) < len(body) for each in got):
        assert endpoint.epoll.poll(0)
        endpoint.poller.handle()
        got = [each + c.read() for each, c in zip(got, several, strict=True)]

    assert got == [body] * MANY
    for client in several:
        client.socket.close()
    while endpoint.epoll.poll(0):
        endpoint.poller.handle()
    assert sorted(map(id, endpoint.ended)) == sorted(map(id, connections))
    assert endpoint.poller._transports.keys() == {endpoint.socket.fileno()}


def test_transport_that_ends_during_a_poll_is_skipped(endpoint, clients):
    connections = [Connection() for _ in range(5)]

    def end_all(connection):
        for each in connections:
            each.transport.abort()

    ready = [clients() for _ in connections]
    for client, connection in zip(ready, connections, strict=True):
        connection.transport = SocketTransport(
            client.take(), connection, poller=endpoint.poller, on_end=end_all
        )
        client.socket.shutdown(socket.SHUT_WR)

    endpoint.poller.handle()

    assert [each.transport for each in connections] == [ENDED] * 5
    assert [client.read() for client in ready] == [b""] * 5
    assert all(client.ended for client in ready)


# From the stream to the socket.


class Opened:
    """An open stream, and the client at its socket."""

    def __init__(self, client, missed, queue):
        self.client = client
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
        first = b"head\r\n\r\n" + b"".join(self.stream.opening)
        hijacker.hijack(self.stream, self.client.take(), first=first)
        self.stream.close()


@pytest.fixture
def poller():
    with contextlib.closing(select.epoll()) as epoll:
        yield Poller(epoll)


@pytest.fixture
def hijacker(poller):
    heartbeats = Heartbeats(lambda connection: Batch([frame(9)]))
    return Hijacker(poller, heartbeats)


@pytest.fixture
def open_stream(clients):
    """A function that opens a stream with these missed frames."""

    def open_stream(missed=(), *, queue=None):
        return Opened(clients(), missed, queue)

    return open_stream


HEAD = b"head\r\n\r\nretry: 3000\n\n"


def test_hijacked_stream_continues_on_its_socket(hijacker, open_stream):
    opened = open_stream([frame(1)])

    opened.hijack(hijacker)
    opened.connection.push(Batch([frame(2)]))

    assert opened.client.read() == HEAD + b"data: 1\n\ndata: 2\n\n"
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
    assert opened.client.read() == HEAD + expected
    assert opened.queue.take(seconds=0) == []


def test_frames_pushed_during_the_hand_over_follow_the_opening(hijacker, open_stream):
    class YieldingQueue(QueueTransport):
        """A queue whose `take` lets others run, as under gevent."""

        def take(self, *, seconds):
            opened.connection.push(Batch([frame(1)]))
            return super().take(seconds=seconds)

    opened = open_stream(queue=YieldingQueue())

    opened.hijack(hijacker)

    assert opened.client.read() == HEAD + b"data: 1\n\n"


def test_long_opening_is_written_before_live_frames(poller, hijacker, open_stream):
    opened = open_stream([frame(1, b"x" * LIMIT)])

    opened.hijack(hijacker)
    opened.connection.push(Batch([frame(2)]))

    assert read_all(poller, opened.client) == HEAD + b"x" * LIMIT + b"data: 2\n\n"


def test_connection_closed_before_the_hijack_sends_the_reason(hijacker, open_stream):
    opened = open_stream()
    opened.connection.push(Batch([frame(1)]))
    opened.connection.close("stopped", drain=True)

    opened.hijack(hijacker)

    assert opened.client.read() == HEAD + b"data: 1\n\n" + closed("stopped")
    assert opened.client.ended
    assert opened.ended == [opened.connection]
    assert opened.connection.transport is ENDED


def test_connection_closed_before_the_hijack_drops_its_frames(hijacker, open_stream):
    opened = open_stream()
    opened.connection.push(Batch([frame(1)]))
    opened.connection.close("signed_out")

    opened.hijack(hijacker)

    assert opened.client.read() == HEAD + closed("signed_out")
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

    assert opened.client.read() == HEAD + closed("stopped")
    assert opened.ended == [opened.connection]
