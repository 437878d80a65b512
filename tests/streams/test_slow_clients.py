import contextlib
import socket

import pytest

from notifications.live.connection import Connection, State
from notifications.live.transports import ENDED
from notifications.streams.slow_clients import (
    LEAVE_SECONDS,
    MIN_REPLY_RATE,
    Phase,
    SlowClients,
    TimedReply,
)

TIMEOUTS = {"HEAD_TIMEOUT": 5, "BODY_TIMEOUT": 10, "REPLY_TIMEOUT": 20}


class Clock:
    """A clock that tests set forward."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def timeouts(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, **TIMEOUTS}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def clients(clock):
    return SlowClients(slots=3, clock=clock)


@pytest.fixture
def connect(clients):
    """A function that returns a new client of the slots, and its end of the socket."""
    with contextlib.ExitStack() as stack:

        def connect():
            server, end = map(stack.enter_context, socket.socketpair())
            end.setblocking(False)
            return clients.enter(server, "10.0.0.1"), end

        yield connect


def is_cut(client):
    """Tell whether reading from a client finds the end."""
    client.socket.setblocking(False)
    try:
        return client.socket.recv(1) == b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize(
    ("begin", "seconds"),
    [
        (lambda client: None, 5),
        (lambda client: client.send_head(keep_alive=2), 5),
        (lambda client: client.send_head(keep_alive=60), 60),
        (lambda client: client.send_body(), 10),
        (lambda client: client.read_reply(0), 20),
        (lambda client: client.read_reply(100 * MIN_REPLY_RATE), 120),
    ],
    ids=["head", "next head", "kept alive", "body", "reply", "long reply"],
)
def test_slow_client_is_cut_at_its_deadline(clients, clock, connect, begin, seconds):
    client, _ = connect()
    begin(client)

    clock.now += seconds - 1
    clients.check()
    before = is_cut(client)
    clock.now += 1
    clients.check()

    assert (before, is_cut(client)) == (False, True)


def test_client_is_not_cut_while_the_site_works(clients, clock, connect):
    client, _ = connect()
    client.work()

    clock.now += 1_000
    clients.check()

    assert not is_cut(client)


def test_client_without_a_body_can_be_sent_a_reply(clients, clock, connect):
    client, end = connect()
    client.send_body()

    clock.now += 10
    clients.check()

    client.socket.send(b"408")
    assert end.recv(3) == b"408"


def test_client_that_does_not_read_fails_the_write(clients, clock, connect):
    client, _ = connect()
    client.read_reply(1)

    clock.now += 21
    clients.check()

    with pytest.raises(BrokenPipeError):
        client.socket.send(b"x")


def test_client_that_left_is_not_watched(clients, clock, connect):
    client, _ = connect()
    clients.leave(client.socket)

    clock.now += 1_000
    clients.check()

    assert not is_cut(client)


def test_client_whose_socket_was_closed_does_no_harm(clients, clock, connect):
    client, _ = connect()
    client.socket.close()

    clock.now += 1_000
    clients.check()

    assert client.phase is Phase.WORK


def test_longest_wait_ends_when_all_slots_are_taken(clients, clock, connect):
    first, _ = connect()
    clock.now += 2
    first.send_body()
    second, _ = connect()
    second.since -= 1
    clock.now += 1

    third, _ = connect()

    assert [is_cut(each) for each in (first, second, third)] == [False, True, False]


def test_no_more_are_cut_until_those_that_were_had_time_to_leave(
    clients, clock, connect
):
    slow = [connect()[0] for _ in range(3)]
    clock.now += 1

    freed = [clients.make_room() for _ in range(2)]
    early = [is_cut(each) for each in slow]
    clock.now += LEAVE_SECONDS
    clients.make_room()

    assert freed == [True, True]
    assert early == [True, False, False]
    assert [is_cut(each) for each in slow] == [True, True, False]


def test_new_clients_and_working_ones_keep_their_slots(clients, clock, connect):
    working, _ = connect()
    working.work()
    clock.now += 100
    new = [connect()[0] for _ in range(2)]

    assert clients.is_full()
    assert not clients.make_room()
    assert not any(map(is_cut, [working, *new]))


def test_client_that_the_site_is_too_busy_to_read_keeps_its_slot(clients, connect):
    busy, end = connect()
    slow, _ = connect()
    for client in (busy, slow):
        client.since -= 1
    end.send(b"GET / HTTP/1.1")

    assert clients.make_room()
    assert is_cut(slow)
    assert busy.socket.recv(3) == b"GET"
    assert busy.phase is Phase.HEAD


def test_clients_and_streams_share_the_sockets_of_the_process(connect, clock):
    server = socket.socket()
    few = SlowClients(slots=10, sockets=5, streams=lambda: 4, clock=clock)
    before = few.lacks_sockets()
    with contextlib.closing(server):
        few.enter(server, "")

        assert (before, few.lacks_sockets(), few.is_full()) == (False, True, True)


def test_stream_that_holds_a_slot_ends_for_others(clients):
    polls, hijacked = [Connection(), Connection()], Connection(transport=ENDED)

    clients.end_streams([*polls, hijacked])

    assert sorted(each.close_reason for each in polls) == ["", "busy"]
    assert hijacked.state is State.OPEN


def test_each_part_of_a_reply_has_a_deadline(clients, connect):
    client, _ = connect()
    phases = []

    def parts():
        for number in range(2):
            phases.append(client.phase)
            yield b"%d" % number

    client.work()
    found = [(part, client.phase) for part in TimedReply(parts(), client)]

    assert found == [(b"0", Phase.REPLY), (b"1", Phase.REPLY)]
    assert phases == [Phase.WORK, Phase.WORK]


def test_closing_a_reply_closes_what_it_wraps(clients, connect):
    client, _ = connect()

    def parts():
        with contextlib.closing(client.socket):
            yield b"x"

    reply = parts()
    next(reply)
    TimedReply(reply, client).close()
    TimedReply([b"x"], client).close()

    assert client.socket.fileno() == -1
