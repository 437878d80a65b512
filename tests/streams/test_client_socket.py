import errno
import os
import socket

import pytest

from notifications.streams.client_socket import ClientSocket


@pytest.fixture
def ends():
    """The server's and the client's end of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        server, _ = listening.accept()
    with client, server:
        yield server, client


def test_connected_client_is_not_gone(ends):
    server, _ = ends

    assert not ClientSocket(server).is_gone()


def test_client_that_sent_data_is_not_gone(ends):
    server, client = ends
    client.send(b"x")

    assert not ClientSocket(server).is_gone()
    assert server.recv(1) == b"x"


def test_input_is_seen_until_it_is_read(ends):
    server, client = ends
    client.send(b"x")
    sent = ClientSocket(server).has_input()
    server.recv(1)

    assert (sent, ClientSocket(server).has_input()) == (True, False)


def test_client_that_closed_has_sent_nothing(ends):
    server, client = ends
    client.close()

    assert not ClientSocket(server).has_input()


def test_client_that_closed_is_gone(ends):
    server, client = ends
    client.close()

    assert ClientSocket(server).is_gone()
    assert server.fileno() != -1


def test_client_that_reset_the_connection_is_gone(ends):
    server, client = ends
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()

    assert ClientSocket(server).is_gone()


def test_abort_fails_a_write(ends):
    server, client = ends
    ClientSocket(server).abort()

    with pytest.raises(BrokenPipeError):
        server.send(b"x")

    assert client.recv(1) == b""
    ClientSocket(server).abort()


def test_socket_options_are_set(ends, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "CLIENT_TIMEOUT": 7}
    server, _ = ends

    ClientSocket(server).tune()

    assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7_000
    assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_unix_socket_is_not_changed():
    server, client = socket.socketpair()
    with server, client:
        ClientSocket(server).tune()

        assert not ClientSocket(server).is_gone()


def test_environ_without_a_socket_gives_a_null_socket():
    client = ClientSocket.of({"REMOTE_ADDR": "10.0.0.1"})

    client.tune()
    client.abort()

    assert not client.is_gone()


def test_closed_socket_is_gone():
    server, client = socket.socketpair()
    server.close()
    client.close()

    assert ClientSocket(server).is_gone()


def test_client_is_not_gone_when_the_process_has_no_descriptor_to_look(
    ends, monkeypatch
):
    def refuse(descriptor):
        raise OSError(errno.EMFILE, "Too many open files")

    server, _ = ends
    monkeypatch.setattr(os, "dup", refuse)

    assert not ClientSocket(server).is_gone()
