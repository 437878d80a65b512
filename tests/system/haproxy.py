"""A HAProxy in a network namespace, and what it reports of its servers."""

import contextlib
import csv
import shutil
import socket
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.system.server import DEADLINE_SECONDS, wait_for
from tests.watchdog import watch_group

READ_BYTES = 65_536
UP = "UP"


class Server(NamedTuple):
    """What a backend has of one of its servers.

    It `is_up` if it is sent requests, `is_healthy` if no check has just failed either.
    """

    is_up: bool
    is_healthy: bool
    requests: int


def _server(row: dict[str, str]) -> Server:
    is_up = row["status"].startswith(UP)
    checks = [int(row[name] or 0) for name in ("check_rise", "check_fall")]
    health = int(row["check_health"] or 0)
    is_healthy = is_up and health == sum(checks) - 1
    return Server(is_up, is_healthy, int(row["scur"]))


class Haproxy:
    """One process with this configuration, and a socket for commands in a folder."""

    def __init__(self, folder: Path, configuration: str, *, name: str) -> None:
        self._config = folder / f"{name}.cfg"
        self._config.write_text(configuration)
        self._socket = folder / f"{name}.sock"
        self._more = folder / f"{name}-socket.cfg"
        self._more.write_text(f"global\n    stats socket {self._socket} level admin\n")
        self._output = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *prefix: str) -> None:
        """Start it by a command that begins with `prefix`; wait until it replies."""
        files = [argument for file in (self._config, self._more)
                 for argument in ("-f", str(file))]  # fmt: skip
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [*prefix, str(shutil.which("haproxy")), "-db", *files],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        watch_group(self._process.pid)
        wait_for(self._replies, what=f"HAProxy: {self._output.read_text()}")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_SECONDS)
            self._process = None

    def servers(self, backend: str) -> dict[str, Server]:
        """Return the servers of a backend by their names."""
        rows = csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines())
        return {
            row["svname"]: _server(row)
            for row in rows
            if row["pxname"] == backend and row["svname"] not in ("BACKEND", "FRONTEND")
        }

    def set_state(self, server: str, state: str) -> None:
        """Set the state of a server, given by its backend and name: ready or drain."""
        self._ask(f"set server {server} state {state}")

    def _replies(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(self._output.read_text())
        with contextlib.suppress(OSError):
            return bool(self._ask("show info"))
        return False

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE_SECONDS)
            client.connect(str(self._socket))
            client.sendall(f"{command}\n".encode())
            parts = iter(lambda: client.recv(READ_BYTES), b"")
            return b"".join(parts).decode()
