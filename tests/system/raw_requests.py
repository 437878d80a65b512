"""Requests whose response is read later: each on a connection of its own."""

import socket
from contextlib import closing
from http.client import HTTPResponse

from tests.system.server import Site


def send_request(
    site: Site, line: str, *, seconds: float, **headers: str
) -> socket.socket:
    """Send a request, given by `<method> <path>`; return the connection.

    Reading from it fails after `seconds`. An underscore in the name of a header stands
    for a hyphen.
    """
    lines = [f"{line} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    address = ("127.0.0.1", site.port)
    sender = socket.create_connection(address, timeout=seconds)
    sender.sendall("\r\n".join([*lines, "", ""]).encode())
    return sender


def read_status(sender: socket.socket) -> int:
    """Wait for the response on a connection; return its status."""
    with closing(HTTPResponse(sender)) as response:
        response.begin()
        return response.status
