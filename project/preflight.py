"""What must be in place before the site can be served; looks, and changes nothing.

Each check raises CannotServe, whose text is the one line that the operator reads.
"""

import errno
import os
import socket
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import DatabaseError, connection

HOST = "127.0.0.1"
BACKLOG = 2048  # connections
REDIS_TIMEOUT = 5.0  # seconds
DATABASE_TIMEOUT = 5  # seconds


class CannotServe(CommandError):
    """Something that the site needs is missing; says what, and what to do."""


def number(name: str, *, default: int, largest: int) -> int:
    """Return the environment's whole number of this name, from 1 to `largest`."""
    text = os.environ.get(name) or str(default)
    if text.isascii() and text.isdigit() and 1 <= int(text) <= largest:
        return int(text)
    raise CannotServe(f"{name} must be a number from 1 to {largest}, not {text!r}.")


def listen(port: int) -> socket.socket:
    """Return a socket that listens: a later bind could find the port taken."""
    try:
        return socket.create_server((HOST, port), backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotServe(
                f"Port {port} is in use. Stop what listens there, or choose another: "
                f"PORT={port % 65535 + 1} make run"
            ) from error
        raise CannotServe(f"Cannot listen on port {port}: {error.strerror}.") from error


def check_hosts(*, debug: bool, allowed: list[str]) -> None:
    """Refuse to serve what would answer every request with 400."""
    if not debug and not allowed:
        raise CannotServe(
            "ALLOWED_HOSTS is empty: name the hosts to serve, separated by commas."
        )


def check_database() -> None:
    """Connect to the database that DATABASE_URL names."""
    # libpq reads it; it bounds the connects of the processes we start, too.
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(DATABASE_TIMEOUT))
    try:
        connection.ensure_connection()
    except (DatabaseError, ImproperlyConfigured) as error:
        raise CannotServe(f"No database at DATABASE_URL: {one_line(error)}") from error
    finally:
        connection.close()


def check_redis(url: str) -> None:
    """Have the Redis at `url` answer a PING."""
    try:
        parts = urlsplit(url)
        # No URL in the message: there may be a password in it.
        with _connect(parts) as link:
            if parts.scheme == "rediss":
                # How to verify its certificate is the Redis client's to know.
                return
            for command in _commands(parts):
                _ask(link, command)
    except (OSError, ValueError) as error:
        raise CannotServe(f"No Redis at REDIS_URL: {one_line(error)}") from error


def _connect(parts: SplitResult) -> socket.socket:
    if parts.scheme == "unix":
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(REDIS_TIMEOUT)
        link.connect(unquote(parts.path))
        return link
    if parts.scheme in ("redis", "rediss"):
        address = (parts.hostname or "localhost", parts.port or 6379)
        return socket.create_connection(address, timeout=REDIS_TIMEOUT)
    raise ValueError("it must start with redis://, rediss:// or unix://")


def _commands(parts: SplitResult) -> list[list[str]]:
    options = dict(parse_qsl(parts.query))
    user = options.get("username") or unquote(parts.username or "")
    password = options.get("password") or unquote(parts.password or "")
    auth = ["AUTH", *filter(None, [user]), password]
    return [auth, ["PING"]] if password else [["PING"]]


def _ask(link: socket.socket, command: list[str]) -> None:
    words = [word.encode() for word in command]
    link.sendall(
        b"*%d\r\n" % len(words)
        + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    )
    reply = link.recv(512).decode(errors="replace").strip()
    if not reply.startswith(("+", "-LOADING")):
        raise ValueError(f"it replied {reply[:100]!r}")


def one_line(error: Any) -> str:
    """Return an error's text without its line breaks."""
    return " ".join(str(error).split())
