"""Two network namespaces with a link between them that a test can cut silently."""

import ctypes
import os
import socket
import subprocess
import threading
import uuid
from pathlib import Path
from types import TracebackType

import pytest

_CLONE_NEWNET = 0x40000000
# For tests: RFC 5735, 3.
SERVER = "198.18.77.1"
CLIENT = "198.18.77.2"
CONNECT_SECONDS = 5.0


class Network:
    """A network of a server and a client; skips where it cannot be made.

    Neither is in the namespace of this machine: browsers reload what they are loading
    when an interface appears there.
    """

    server = SERVER

    def __init__(self) -> None:
        name = f"test-{uuid.uuid4().hex[:8]}"
        self._server = f"{name}-server"
        self._client = f"{name}-client"

    def __enter__(self) -> "Network":
        try:
            self._make()
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__(None, None, None)
            pytest.skip(f"a network namespace needs root and iproute2: {error}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in (self._server, self._client):
            _ip(f"netns del {name}", check=False)

    def _make(self) -> None:
        for name in (self._server, self._client):
            _ip(f"netns add {name}")
        _ip(f"-n {self._server} link add eth type veth peer eth netns {self._client}")
        for name, address in ((self._server, SERVER), (self._client, CLIENT)):
            _ip(f"-n {name} addr add {address}/30 dev eth")
            _ip(f"-n {name} link set eth up")

    def cut(self) -> None:
        """Drop every packet from now on, in both directions."""
        _ip(f"-n {self._client} link set eth down")

    def listen(self, port: int) -> socket.socket:
        """Return a socket of the server that listens on this port."""
        listener = _make_socket(self._server)
        listener.bind((SERVER, port))
        listener.listen()
        return listener

    def make_socket(self) -> socket.socket:
        """Return a TCP socket of the client."""
        return _make_socket(self._client)


def connect_from(namespace: str, address: tuple[str, int]) -> socket.socket:
    """Return a connection to an address, from within a namespace; raises OSError."""
    made = _make_socket(namespace)
    try:
        made.settimeout(CONNECT_SECONDS)
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made


def _make_socket(namespace: str) -> socket.socket:
    made: list[socket.socket] = []

    def enter_and_make() -> None:
        descriptor = os.open(Path("/run/netns", namespace), os.O_RDONLY)
        try:
            # The namespace is the thread's own, and the thread ends.
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(descriptor, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.socket())
        finally:
            os.close(descriptor)

    thread = threading.Thread(target=enter_and_make)
    thread.start()
    thread.join()
    return made[0]


def _ip(command: str, *, check: bool = True) -> None:
    subprocess.run(["ip", *command.split()], check=check, capture_output=True)
