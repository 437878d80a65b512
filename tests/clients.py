"""Both ends of a client's connection, for tests of the transports."""

import select
import socket

import pytest

from notifications.live.transports import QueueTransport
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Frame, server_closed
from notifications.streams.client_socket import ClientSocket, PlainSocket
from notifications.streams.hijack import Poller, SocketTransport
from tests.system.eventsource import Chunks, Whole

needs_epoll = pytest.mark.skipif(
    not hasattr(select, "epoll"), reason="only Linux has epoll"
)
READ_BYTES = 65_536
# What the tests set as CLIENT_BUFFER_BYTES.
BUFFER_BYTES = 65_536
# Small, so that large frames are written in many parts.
SEND_BUFFER_BYTES = 8_192


class Client:
    """The client's end of a pair of sockets; `server` is the other end.

    The body of the response is in `chunks`, unless these are None.
    """

    def __init__(self, chunks=None):
        self.server, self.socket = socket.socketpair()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.socket.setblocking(False)
        self.body = chunks or Whole()
        # Whether the server has closed its end.
        self.ended = False

    def take(self):
        """Return the server's end as a plain socket, as a hijack needs it."""
        self.server = plain(self.server)
        return self.server

    def read(self):
        """Return the content that has arrived."""
        got = b""
        while not self.ended:
            try:
                more = self.socket.recv(READ_BYTES)
            except BlockingIOError:
                break
            except ConnectionResetError:
                more = b""
            self.ended = not more
            got += self.body.feed(more)
        return got

    def close(self):
        """Close both ends."""
        self.socket.close()
        self.server.close()


class SocketEndpoint:
    """A SocketTransport and its client, with a poller of its own."""

    def __init__(self, connection, *, chunked=True):
        self.epoll = select.epoll()
        self.poller = Poller(self.epoll)
        self.client = Client(Chunks() if chunked else None)
        self.connection = connection
        # The connections for which `on_end` was called.
        self.ended = []
        self.socket = self.client.take()
        self.transport = SocketTransport(
            self.socket,
            connection,
            poller=self.poller,
            on_end=self.ended.append,
            chunked=chunked,
        )
        connection.transport = self.transport

    def read(self):
        """Return all bytes, including those that wait for a writable socket."""
        return read_all(self.poller, self.client)

    def close(self):
        """Close everything."""
        self.transport.abort()
        self.client.close()
        self.epoll.close()


class QueueEndpoint:
    """A QueueTransport and its client."""

    def __init__(self, connection, *, buffer_bytes):
        self.client = Client()
        sock = ClientSocket(self.client.server)
        self.transport = QueueTransport(buffer_bytes=buffer_bytes, link=sock)
        connection.transport = self.transport

    def read(self):
        """Return all waiting bytes, as the writing thread takes them."""
        got = b""
        while taken := self.transport.take(seconds=0):
            got += b"".join(frame.body for frame in taken)
        return got

    def close(self):
        """Close everything."""
        self.client.close()


def plain(sock):
    """Return the same socket as a plain one that does not block."""
    ours = PlainSocket(sock.family, sock.type, sock.proto, sock.detach())
    ours.setblocking(False)
    return ours


def read_all(poller, client):
    """Return all bytes that a client gets until no more arrive."""
    got = b""
    while True:
        poller.handle()
        more = client.read()
        if not more:
            return got
        got += more


def frame(number, body=b""):
    """Return a frame at this cursor, which shows its number."""
    return Frame(Cursor(number, 0), body or b"data: %d\n\n" % number)


def closed(reason):
    """Return the last bytes of a stream that is closed for this reason."""
    return server_closed(reason).body
