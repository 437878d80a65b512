"""The socket under a stream, where the server lets us have it; gunicorn does.

Without it a stream works all the same, and who is gone is noticed later.
"""

import _socket
import contextlib
import socket
from collections.abc import Mapping
from typing import Any

from notifications.conf import conf

# A socket that nothing has patched: under gevent another one would wait.
PlainSocket = _socket.socket


class ClientSocket:
    """A client's TCP socket: what can be set and asked of it beside the server."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> "ClientSocket":
        """Return the socket that a WSGI environ names, or what stands in for it."""
        sock = environ.get("gunicorn.socket")
        return cls(sock) if sock is not None else NoSocket()

    def tune(self) -> None:
        """Send at once, keep little for a slow reader, and give up on a dead one.

        The last also where nothing is acknowledged and no FIN ever comes: tcp(7),
        TCP_USER_TIMEOUT.
        """
        milliseconds = round(conf.CLIENT_TIMEOUT * 1000)
        options = [
            (socket.SOL_SOCKET, socket.SO_SNDBUF, conf.SEND_BUFFER_BYTES),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        ]
        # Linux alone has it.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            user_timeout = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            options.append(user_timeout)
        for level, name, value in options:
            # A Unix socket has no such options, and needs none.
            with contextlib.suppress(OSError):
                self._socket.setsockopt(level, name, value)

    def is_gone(self) -> bool:
        """Tell whether the client has closed its end."""
        flags = socket.MSG_PEEK | socket.MSG_DONTWAIT
        try:
            plain = PlainSocket(fileno=self._socket.dup().detach())
            with contextlib.closing(plain):
                return plain.recv(1, flags) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def abort(self) -> None:
        """End the connection; whoever is writing to it fails at once."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class NoSocket(ClientSocket):
    """Stands in where the server keeps its sockets to itself."""

    def __init__(self) -> None:
        super().__init__(None)

    def tune(self) -> None:
        """Leave the socket as the server has set it."""

    def is_gone(self) -> bool:
        """Take the client to be there; the next write will tell."""
        return False

    def abort(self) -> None:
        """Leave it to the server."""
