"""Checks before the site is served; they change nothing.

Each raises CannotServe, whose text is the one line that the operator reads.
"""

import errno
import os
import socket
from typing import Any

from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import DatabaseError, connection

HOST = "127.0.0.1"
BACKLOG = 2048  # connections
DATABASE_TIMEOUT = 5  # seconds


class CannotServe(CommandError):
    """Something that the site needs is missing; the text says what to do."""


def positive_int(name: str, *, default: int, largest: int) -> int:
    """Return an environment variable as an integer from 1 to `largest`."""
    text = os.environ.get(name) or str(default)
    if text.isascii() and text.isdigit() and 1 <= int(text) <= largest:
        return int(text)
    raise CannotServe(f"{name} must be a number from 1 to {largest}, not {text!r}.")


def listening_socket(port: int) -> socket.socket:
    """Return a socket that listens on the port, which reserves it."""
    try:
        return socket.create_server((HOST, port), backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotServe(
                f"Port {port} is in use. Stop the other program or choose a port: "
                f"PORT={port % 65535 + 1} make run"
            ) from error
        raise CannotServe(f"Cannot listen on port {port}: {error.strerror}.") from error


def check_hosts(*, debug: bool, allowed: list[str]) -> None:
    """Check ALLOWED_HOSTS: with none, every request would get status 400."""
    if not debug and not allowed:
        raise CannotServe(
            "ALLOWED_HOSTS is empty: set it to the host names, separated by commas."
        )


def check_database() -> None:
    """Check that the database at DATABASE_URL accepts connections."""
    # For libpq, here and in the processes that are started later.
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(DATABASE_TIMEOUT))
    try:
        connection.ensure_connection()
    except (DatabaseError, ImproperlyConfigured) as error:
        raise CannotServe(
            f"No database at DATABASE_URL: {single_line(error)}"
        ) from error
    finally:
        connection.close()


def check_redis() -> None:
    """Check that the Redis of the settings can be reached, and lets the site use it."""
    found = run_checks(tags=["redis"], include_deployment_checks=True)
    for problem in found:
        raise CannotServe(f"No Redis at REDIS_URL: {single_line(problem.msg)}")


def single_line(error: Any) -> str:
    """Return the text of an error on one line."""
    return " ".join(str(error).split())
