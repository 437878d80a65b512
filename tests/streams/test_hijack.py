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
from tests.clients import Client, Written, needs_epoll, plain, read_all
from tests.system.server import wait_for

pytestmark = needs_epoll

LIMIT = 65_536
MANY = 300
# What makes the kernel reset a connection that is closed: socket(7), SO_LINGER.
NO_LINGER = b"\1\0\0\0\0\0\0\0"


@pytest.fixture(autouse=True)
def limit(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "CLIENT_BUFFER_BYTES": LIMIT}


@pytest.fixture
def clients():
    """A function that makes a client, which is closed in the end."""
    with contextlib.ExitStack() as stack:

        def make():
            return stack.enter_context(contextlib.closing(Client()))

        yield make


@pytest.fixture
def end():
    """A connection whose socket was taken over."""
    end = Written(Connection())
    yield end
    end.close()


def frame(number, body=b""):
    return Frame(Cursor(number, 0), body or b"data: %d\n\n" % number)


def push(end, *frames):
    end.connection.push(Batch(frames))


def cut(end):
    """Leave the client in the middle of a frame; return the frame's body."""
    body = b"data: %s\n\n" % (b"y" * LIMIT)
    push(end, frame(1, body))
    return body


def closed(reason):
    return server_closed(reason).body


def test_what_is_pushed_is_written_at_once(end):
    push(end, frame(1), frame(2))

    assert end.client.read() == b"data: 1\n\ndata: 2\n\n"


def test_the_rest_is_written_when_there_is_room(end):
    body = cut(end)
    push(end, frame(2))
    push(end, frame(3))

    assert len(end.client.socket.recv(LIMIT, socket.MSG_PEEK)) < len(body)
    assert end.read() == body + b"data: 2\n\ndata: 3\n\n"


def test_after_it_has_caught_up_it_is_written_to_at_once_again(end):
    cut(end)
    end.read()

    push(end, frame(2))

    assert end.client.read() == b"data: 2\n\n"


def test_what_is_cut_anywhere_comes_byte_for_byte(end):
    chance = random.Random(5)
    sent, got = b"", b""

    for number in range(400):
        body = chance.randbytes(chance.choice([1, 100, 9_000, 40_000]))
        push(end, frame(number, body))
        sent += body
        for _ in range(chance.randrange(4)):
            with contextlib.suppress(BlockingIOError):
                got += end.client.socket.recv(chance.choice([1, 3_000, 60_000]))
            end.poller.handle()
        if len(sent) - len(got) > LIMIT // 2:
            got += end.read()
    got += end.read()

    assert got == sent
    assert end.connection.state is State.OPEN


def test_nothing_is_watched_for_room_that_needs_none(end):
    push(end, frame(1))
    end.client.read()

    assert end.epoll.poll(0) == []


def test_who_is_too_far_behind_is_closed_as_slow(end):
    push(end, frame(1, b"x" * (2 * LIMIT)))

    push(end, frame(2))

    assert end.connection.close_reason == "slow"
    assert end.ended == [end.connection]
    assert end.socket.fileno() == -1
    assert b"data: 2" not in end.read()
    assert end.client.ended


def test_who_has_just_as_much_waiting_stays(end):
    push(end, frame(1, b"x" * LIMIT))

    push(end, frame(2))

    assert end.connection.state is State.OPEN
    assert end.read() == b"x" * LIMIT + b"data: 2\n\n"


def test_who_has_nothing_waiting_is_told_why_it_ends(end):
    end.connection.close("signed_out")

    assert end.client.read() == closed("signed_out")
    assert end.client.ended
    assert end.ended == [end.connection]


def test_what_waits_comes_before_the_end_if_it_is_drained(end):
    body = cut(end)
    push(end, frame(2))

    end.connection.close("stopped", drain=True)

    assert end.ended == []
    assert end.read() == body + b"data: 2\n\n" + closed("stopped")
    assert end.client.ended
    assert end.ended == [end.connection]


def test_what_waits_is_dropped_otherwise_but_for_a_frame_that_was_begun(end):
    body = cut(end)
    push(end, frame(2))

    end.connection.close("signed_out")

    assert end.read() == body + closed("signed_out")
    assert end.client.ended


def test_a_frame_that_was_not_begun_is_dropped_as_a_whole(end):
    full = b"x" * 1_000
    while end.transport._writable:
        push(end, frame(1, full))
    # All of what was begun goes, and nothing of what comes behind it.
    push(end, frame(2))
    push(end, frame(3))

    end.connection.close("signed_out")

    got = end.read()
    assert got == full * (len(got) // 1_000) + closed("signed_out")


def test_the_end_that_does_not_fit_waits_for_room(end):
    with contextlib.suppress(BlockingIOError):
        while True:
            end.socket.send(b"x")

    end.connection.close("stopped", drain=True)

    assert end.ended == []
    assert end.read().endswith(b"x" + closed("stopped"))
    assert end.ended == [end.connection]


def test_the_first_reason_is_the_one_that_is_told(end):
    cut(end)
    end.connection.close("signed_out", drain=True)

    end.connection.close("stopped", drain=True)

    assert end.read().count(b"server_closed") == 1
    assert end.connection.close_reason == "signed_out"


def test_a_client_that_leaves_while_the_end_waits_ends_it_once(end):
    cut(end)
    end.connection.close("stopped", drain=True)

    end.client.socket.close()
    end.poller.handle()

    assert end.ended == [end.connection]
    assert end.connection.transport is ENDED


def test_what_the_client_sends_is_thrown_away(end):
    end.client.socket.send(b"GET / HTTP/1.1\r\n\r\n" * 500)

    for _ in range(10):
        end.poller.handle()
    push(end, frame(1))

    assert end.epoll.poll(0) == []
    assert end.client.read() == b"data: 1\n\n"
    assert end.ended == []


def test_what_the_client_sent_before_it_left_does_not_hide_that(end):
    end.client.socket.send(b"x" * 20_000)
    end.client.socket.shutdown(socket.SHUT_WR)

    for _ in range(10):
        end.poller.handle()

    assert end.ended == [end.connection]


def test_a_client_that_left_is_noticed_by_writing_too(end):
    end.client.socket.close()

    push(end, frame(1))
    push(end, frame(2))
    end.poller.handle()

    assert end.ended == [end.connection]
    assert end.connection.transport is ENDED


def test_a_client_that_leaves_with_much_waiting_ends_it_once(end):
    cut(end)

    end.client.socket.close()
    end.poller.handle()
    end.poller.handle()

    assert end.ended == [end.connection]
    assert end.socket.fileno() == -1


def test_aborting_closes_the_socket_and_again_does_nothing(end):
    cut(end)

    end.transport.abort()
    end.transport.abort()
    end.transport.close("stopped", drain=True)

    assert end.ended == [end.connection]
    assert end.connection.transport is ENDED
    assert b"server_closed" not in end.read()
    assert end.client.ended


def test_who_is_told_of_the_end_may_close_the_connection_again(end, clients):
    told = []

    def detach(connection):
        told.append(connection)
        connection.close("detached")

    client = clients()
    connection = Connection()
    connection.transport = SocketTransport(
        client.take(), connection, poller=end.poller, on_end=detach
    )

    connection.close("signed_out")

    assert told == [connection]
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
def test_a_client_that_leaves_ends_its_stream_once(reset, waiting):
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


def test_many_that_are_ready_at_once_are_all_served(end, clients):
    several = [clients() for _ in range(MANY)]
    connections = [Connection() for _ in several]
    body = b"x" * 30_000
    for client, connection in zip(several, connections, strict=True):
        connection.transport = SocketTransport(
            client.take(), connection, poller=end.poller, on_end=end.ended.append
        )
        connection.push(Batch([frame(1, body)]))
    assert MANY > MAX_POLL_EVENTS

    got = [client.read() for client in several]
    while any(len(each) < len(body) for each in got):
        assert end.epoll.poll(0)
        end.poller.handle()
        got = [each + c.read() for each, c in zip(got, several, strict=True)]

    assert got == [body] * MANY
    for client in several:
        client.socket.close()
    while end.epoll.poll(0):
        end.poller.handle()
    assert sorted(map(id, end.ended)) == sorted(map(id, connections))
    assert end.poller._transports.keys() == {end.socket.fileno()}


def test_one_that_ends_all_others_does_not_disturb_who_comes_next(end, clients):
    connections = [Connection() for _ in range(5)]

    def end_all(connection):
        for each in connections:
            each.transport.abort()

    ready = [clients() for _ in connections]
    for client, connection in zip(ready, connections, strict=True):
        connection.transport = SocketTransport(
            client.take(), connection, poller=end.poller, on_end=end_all
        )
        client.socket.shutdown(socket.SHUT_WR)

    end.poller.handle()

    assert [each.transport for each in connections] == [ENDED] * 5
    assert [client.read() for client in ready] == [b""] * 5
    assert all(client.ended for client in ready)


# From the stream to the socket.


class Opened:
    """A stream that has begun, and the client at its socket."""

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

    def take(self, hijacker):
        """Let the socket be taken over, as the worker does."""
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
    """A function that opens a stream, which misses these frames."""

    def open_stream(missed=(), *, queue=None):
        return Opened(clients(), missed, queue)

    return open_stream


HEAD = b"head\r\n\r\nretry: 3000\n\n"


def test_a_stream_goes_on_at_its_socket(hijacker, open_stream):
    opened = open_stream([frame(1)])

    opened.take(hijacker)
    opened.connection.push(Batch([frame(2)]))

    assert opened.client.read() == HEAD + b"data: 1\n\ndata: 2\n\n"
    assert opened.ended == []
    assert isinstance(opened.connection.transport, SocketTransport)


def test_what_came_during_the_opening_comes_after_it(hijacker, open_stream):
    def missed():
        yield frame(1)
        opened.connection.push(Batch([frame(3)]))
        yield frame(2)
        opened.connection.push(Batch([frame(4), frame(5)]))

    opened = open_stream(missed())

    opened.take(hijacker)

    expected = b"".join(frame(number).body for number in range(1, 6))
    assert opened.client.read() == HEAD + expected
    assert opened.queue.take(seconds=0) == []


def test_what_comes_while_the_socket_changes_hands_comes_after_the_opening(
    hijacker, open_stream
):
    class GivingWay(QueueTransport):
        """A queue that lets others work while it is taken from, as under gevent."""

        def take(self, *, seconds):
            opened.connection.push(Batch([frame(1)]))
            return super().take(seconds=seconds)

    opened = open_stream(queue=GivingWay())

    opened.take(hijacker)

    assert opened.client.read() == HEAD + b"data: 1\n\n"


def test_a_long_opening_waits_for_room_before_what_comes(poller, hijacker, open_stream):
    opened = open_stream([frame(1, b"x" * LIMIT)])

    opened.take(hijacker)
    opened.connection.push(Batch([frame(2)]))

    assert read_all(poller, opened.client) == HEAD + b"x" * LIMIT + b"data: 2\n\n"


def test_a_connection_that_was_closed_meanwhile_says_why_and_ends(
    hijacker, open_stream
):
    opened = open_stream()
    opened.connection.push(Batch([frame(1)]))
    opened.connection.close("stopped", drain=True)

    opened.take(hijacker)

    assert opened.client.read() == HEAD + b"data: 1\n\n" + closed("stopped")
    assert opened.client.ended
    assert opened.ended == [opened.connection]
    assert opened.connection.transport is ENDED


def test_a_right_that_ended_meanwhile_drops_what_waited(hijacker, open_stream):
    opened = open_stream()
    opened.connection.push(Batch([frame(1)]))
    opened.connection.close("signed_out")

    opened.take(hijacker)

    assert opened.client.read() == HEAD + closed("signed_out")
    assert opened.ended == [opened.connection]


def test_a_client_that_left_during_the_opening_ends_it_once(
    poller, hijacker, open_stream
):
    opened = open_stream([frame(1)])
    opened.client.socket.close()

    opened.take(hijacker)
    poller.handle()

    assert opened.ended == [opened.connection]
    assert opened.connection.transport is ENDED


def test_after_the_end_whatever_comes_is_ignored(hijacker, open_stream):
    opened = open_stream()
    opened.take(hijacker)
    opened.connection.close("stopped", drain=True)

    opened.connection.push(Batch([frame(1)]))
    opened.connection.close("again")
    opened.connection.hang_up()

    assert opened.client.read() == HEAD + closed("stopped")
    assert opened.ended == [opened.connection]
