"""The socket under a stream, on servers that expose it, as gunicorn does.

Without it a stream still works, but clients that have left are noticed later.
"""

import _socket
import contextlib
import errno
import os
import socket
from collections.abc import Mapping
from typing import Any

from notifications.conf import conf

# The process, or the whole system, has too many files open: errno(3).
NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
# Not patched by gevent, whose sockets would wait.
PlainSocket = _socket.socket


class ClientSocket:
    """A client's TCP socket: options and state that the server does not handle."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> "ClientSocket":
        """Return the socket that a WSGI environ names, or a NullSocket."""
        sock = environ.get("gunicorn.socket")
        return cls(sock) if sock is not None else NullSocket()

    def tune(self) -> None:
        """Send without delay, buffer little for a slow client, and drop a dead one.

        A client is dead when it acknowledges nothing for CLIENT_TIMEOUT seconds, even
        if no FIN ever arrives: tcp(7), TCP_USER_TIMEOUT.
        """
        milliseconds = round(conf.CLIENT_TIMEOUT * 1000)
        options = [
            (socket.SOL_SOCKET, socket.SO_SNDBUF, conf.SEND_BUFFER_BYTES),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        ]
        # On Linux only.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            user_timeout = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            options.append(user_timeout)
        for level, name, value in options:
            # A Unix socket has no such options, and needs none.
            with contextlib.suppress(OSError):
                self._socket.setsockopt(level, name, value)

    def is_gone(self) -> bool:
        """Tell whether the client has closed its end."""
        try:
            return self._peek() == b""
        except BlockingIOError:
            return False
        except OSError as error:
            # It is not known if there is no descriptor left to look through.
            return error.errno not in NO_DESCRIPTOR

    def has_input(self) -> bool:
        """Tell whether something that the client has sent waits to be read."""
        try:
            return self._peek() != b""
        except OSError:
            return False

    def _peek(self) -> bytes:
        """Return the next byte, or nothing at the end. Raises OSError."""
        with self._copy() as plain:
            return plain.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)

    def abort(self) -> None:
        """End the connection; a thread that is writing to it fails at once."""
        self.shut_down(socket.SHUT_RDWR)

    def shut_down(self, how: int) -> None:
        """End one or both directions of the connection: shutdown(2)."""
        # It may be closed already.
        with contextlib.suppress(OSError), self._copy() as plain:
            plain.shutdown(how)

    def _copy(self) -> contextlib.closing[PlainSocket]:
        """Return the same socket without gevent and TLS, which keep their state."""
        return contextlib.closing(PlainSocket(fileno=os.dup(self._socket.fileno())))


class NullSocket(ClientSocket):
    """The socket of a stream on a server that does not expose it."""

    def __init__(self) -> None:
        super().__init__(None)

    def tune(self) -> None:
        """Leave the socket as the server has set it."""

    def is_gone(self) -> bool:
        """Return False: only the next write can show that the client has left."""
        return False

    def abort(self) -> None:
        """Leave it to the server."""
