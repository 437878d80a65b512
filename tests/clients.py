"""Both ends of a client's connection, for tests of what writes to sockets."""

import select
import socket

import pytest

from notifications.live.transports import QueueTransport
from notifications.streams.client_socket import ClientSocket, PlainSocket
from notifications.streams.hijack import Poller, SocketTransport

needs_epoll = pytest.mark.skipif(
    not hasattr(select, "epoll"), reason="only Linux has epoll"
)
READ_BYTES = 65_536
# Little, so that what is large is written in many parts.
SEND_BUFFER_BYTES = 8_192


class Client:
    """The client's end of a pair of sockets; `server` is ours."""

    def __init__(self):
        self.server, self.socket = socket.socketpair()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.socket.setblocking(False)
        # Whether the server has closed its end.
        self.ended = False

    def take(self):
        """Return our end as the server hands it over."""
        self.server = plain(self.server)
        return self.server

    def read(self):
        """Return what has come."""
        got = b""
        while not self.ended:
            try:
                more = self.socket.recv(READ_BYTES)
            except BlockingIOError:
                break
            except ConnectionResetError:
                more = b""
            self.ended = not more
            got += more
        return got

    def close(self):
        """Close what is left of both ends."""
        self.socket.close()
        self.server.close()


class Written:
    """An outlet that writes to a client's socket, watched by a poller of its own."""

    def __init__(self, connection):
        self.epoll = select.epoll()
        self.poller = Poller(self.epoll)
        self.client = Client()
        self.connection = connection
        # The connections whose end was told.
        self.ended = []
        self.socket = self.client.take()
        self.transport = SocketTransport(
            self.socket, connection, poller=self.poller, on_end=self.ended.append
        )
        connection.transport = self.transport

    def read(self):
        """Return all that comes, the rest of it as soon as there is room."""
        return read_all(self.poller, self.client)

    def close(self):
        """Close what is left."""
        self.transport.abort()
        self.client.close()
        self.epoll.close()


class Queued:
    """A queue whose client sits at a socket."""

    def __init__(self, connection, *, buffer_bytes):
        self.client = Client()
        sock = ClientSocket(self.client.server)
        self.transport = QueueTransport(buffer_bytes=buffer_bytes, link=sock)
        connection.transport = self.transport

    def read(self):
        """Return all that waits, as whoever writes to the client takes it."""
        got = b""
        while taken := self.transport.take(seconds=0):
            got += b"".join(frame.body for frame in taken)
        return got

    def close(self):
        """Close what is left."""
        self.client.close()


def plain(sock):
    """Return the same socket as one that is ours alone and does not block."""
    ours = PlainSocket(sock.family, sock.type, sock.proto, sock.detach())
    ours.setblocking(False)
    return ours


def read_all(poller, client):
    """Return what comes to a client until it has all, or the end."""
    got = b""
    while True:
        poller.handle()
        more = client.read()
        if not more:
            return got
        got += more
