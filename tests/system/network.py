"""A network namespace whose link to this machine a test can cut silently."""

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
HERE = "198.18.77.1"
THERE = "198.18.77.2"


class Network:
    """A network namespace with one link to this machine; skips where that fails."""

    # The address of this machine in the namespace.
    here = HERE

    def __init__(self) -> None:
        self._name = f"test-{uuid.uuid4().hex[:8]}"
        self._cable = f"vt{uuid.uuid4().hex[:8]}"

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
        for command in (f"link del {self._cable}", f"netns del {self._name}"):
            _ip(command, check=False)

    def _make(self) -> None:
        _ip(f"netns add {self._name}")
        _ip(f"link add {self._cable} type veth peer name there netns {self._name}")
        _ip(f"addr add {HERE}/30 dev {self._cable}")
        _ip(f"link set {self._cable} up")
        _ip(f"-n {self._name} addr add {THERE}/30 dev there")
        _ip(f"-n {self._name} link set there up")

    def cut(self) -> None:
        """Drop every packet from now on, in both directions."""
        _ip(f"-n {self._name} link set there down")

    def make_socket(self) -> socket.socket:
        """Return a TCP socket in the namespace."""
        made: list[socket.socket] = []

        def enter_and_make() -> None:
            descriptor = os.open(Path("/run/netns", self._name), os.O_RDONLY)
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
