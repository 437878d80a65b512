"""Poller: many sockets in one epoll, and clients that leave."""

import contextlib
import select
import socket
from pathlib import Path

import pytest

from notifications.live.connection import Connection
from notifications.live.transports import ENDED
from notifications.protocol.frames import Batch
from notifications.streams.hijack import (
    MAX_POLL_EVENTS,
    Poller,
    SocketTransport,
)
from tests.clients import (
    frame,
    needs_epoll,
    plain,
)
from tests.system.eventsource import Chunks
from tests.system.server import wait_for

pytestmark = [needs_epoll, pytest.mark.usefixtures("small_buffer")]

MANY = 300
# Makes the kernel reset a connection that is closed: socket(7), SO_LINGER.
NO_LINGER = b"\1\0\0\0\0\0\0\0"


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
            ours, connection, poller=poller, on_end=ended.append, chunked=True
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
    several = [clients(Chunks()) for _ in range(MANY)]
    connections = [Connection() for _ in several]
    body = b"x" * 30_000
    for client, connection in zip(several, connections, strict=True):
        connection.transport = SocketTransport(
            client.take(),
            connection,
            poller=endpoint.poller,
            on_end=endpoint.ended.append,
            chunked=True,
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
            client.take(),
            connection,
            poller=endpoint.poller,
            on_end=end_all,
            chunked=True,
        )
        client.socket.shutdown(socket.SHUT_WR)

    endpoint.poller.handle()

    assert [each.transport for each in connections] == [ENDED] * 5
    assert [client.read() for client in ready] == [b""] * 5
    assert all(client.ended for client in ready)


class BrokenTransport(SocketTransport):
    """A transport with a bug."""

    def read(self):
        raise RuntimeError("a bug")


def test_error_in_a_transport_ends_its_stream_and_no_other(endpoint, clients, caplog):
    client, connection, ended = clients(), Connection(), []
    connection.transport = BrokenTransport(
        client.take(),
        connection,
        poller=endpoint.poller,
        on_end=ended.append,
        chunked=True,
    )
    client.socket.send(b"x")
    endpoint.client.socket.shutdown(socket.SHUT_WR)

    endpoint.poller.handle()
    endpoint.poller.handle()

    assert ended == [connection]
    assert endpoint.ended == [endpoint.connection]
    assert caplog.text.count("RuntimeError: a bug") == 1


def test_socket_is_not_watched_for_writing_without_a_buffer(endpoint):
    endpoint.connection.push(Batch([frame(1)]))
    endpoint.client.read()

    assert endpoint.epoll.poll(0) == []
