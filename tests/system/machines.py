"""A site on two machines behind HAProxy: two sets of processes in namespaces.

Their network has a third namespace, the hub, in which HAProxy is. Redis and PostgreSQL
have addresses there, too. Nothing is in the namespace of this machine: the tests reach
the site by a Unix socket, and browsers reload when an interface appears there.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.databases import connect, migrate
from tests.own_redis import as_site
from tests.postgres_server import PostgresMissing, PostgresServer, find
from tests.system.haproxy import Haproxy
from tests.system.network import connect_from
from tests.system.proxy import Proxy
from tests.system.server import DEADLINE_SECONDS, Server, Site, wait_for

DOCUMENT = ROOT / "docs" / "install.md"
# As in the documented configuration.
BALANCER, SIDES = "10.0.0.1", {"a": "10.0.0.11", "b": "10.0.0.12"}
PORT, HTTP_PORT = 8000, 80
REDIS, DATABASE = "10.0.0.2", "10.0.0.3"
READY = "ready"
# Passes on what comes from the machines to sockets outside of the network, and what
# comes from the tests to the balancer.
WIRES = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen redis
    bind {redis}:6379
    server redis unix@{redis_socket}
listen database
    bind {database}:5432
    server database unix@{database_socket}
listen site
    bind unix@{site_socket}
    server site {balancer}:{http_port}
"""


def skip_without_programs() -> None:
    """Skip the test where the machines lack a program, or the right to a network."""
    if os.geteuid() != 0:
        pytest.skip("only root can make network namespaces")
    for program in ("haproxy", "ip"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    try:
        find("postgres")
    except PostgresMissing as error:
        pytest.skip(str(error))


def documented() -> str:
    """Return the configuration of HAProxy in the documents."""
    [code] = re.findall(r"```haproxy\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return textwrap.dedent(code)


class Machine(Server):
    """The processes of one machine, in a namespace with one address."""

    def __init__(
        self, output: Path, environment: dict[str, str], *, namespace: str, address: str
    ) -> None:
        super().__init__(output, environment)
        self.namespace = namespace
        self.address = address
        self.environment["GUNICORN_CMD_ARGS"] = f"--bind={address}:{PORT}"

    def command(self) -> list[str]:
        """Return the command that starts the server in the namespace."""
        return [*inside(self.namespace), *super().command()]

    def _connect(self) -> None:
        connect_from(self.namespace, (self.address, PORT)).close()


class Machines(Site):
    """A site whose `start` starts both machines and the balancer before them."""

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__(environment={"PORT": str(PORT), **environment})
        name = f"test-{uuid.uuid4().hex[:8]}"
        self.hub = f"{name}-hub"
        self.postgres = PostgresServer(Path(tempfile.mkdtemp(prefix="postgres-")))
        self.database = _Database(self.postgres)
        self.environment["DATABASE_URL"] = self.database.url
        own = {
            **environment,
            "PORT": str(PORT),
            "WEB_CONCURRENCY": self.environment["WEB_CONCURRENCY"],
            "REDIS_URL": as_site(f"redis://{REDIS}:6379/0"),
            "DATABASE_URL": self.database.url.replace(
                f"@/{self.postgres.folder}", f"@{DATABASE}:5432"
            ),
        }
        self.machines = {
            side: Machine(
                self.folder / f"{side}.log",
                own,
                namespace=f"{name}-{side}",
                address=address,
            )
            for side, address in SIDES.items()
        }
        self._site_socket = self.folder / "site.sock"
        self.balancer = Haproxy(self.folder, documented(), name="balancer")
        self._wires = Haproxy(self.folder, self._wiring(), name="wires")
        self._entrance: Proxy | None = None

    def _wiring(self) -> str:
        return WIRES.format(
            redis=REDIS,
            redis_socket=self.redis.socket,
            database=DATABASE,
            database_socket=self.postgres.folder / ".s.PGSQL.5432",
            site_socket=self._site_socket,
            balancer=BALANCER,
            http_port=HTTP_PORT,
        )

    def start(self) -> None:
        """Start everything, and wait until the balancer has found both machines."""
        self._connect_machines()
        self._wires.start(*inside(self.hub))
        self.balancer.start(*inside(self.hub))
        self._entrance = Proxy(self._site_socket)
        self.port = self._entrance.port
        self.url = f"http://127.0.0.1:{self.port}"
        for machine in self.machines.values():
            machine.start()
        for side in self.machines:
            self.wait_until_up(side)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Stop everything."""
        for machine in self.machines.values():
            machine.stop(number)
        if self._entrance is not None:
            self._entrance.cut()
        self.balancer.stop()
        self._wires.stop()
        for namespace in self._namespaces():
            _ip(f"netns del {namespace}", check=False)

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self.postgres.stop()
        shutil.rmtree(self.postgres.folder, ignore_errors=True)

    def _namespaces(self) -> list[str]:
        return [self.hub, *(each.namespace for each in self.machines.values())]

    def _connect_machines(self) -> None:
        try:
            for namespace in self._namespaces():
                _ip(f"netns add {namespace}")
                _ip(f"-n {namespace} link set lo up")
            for side, machine in self.machines.items():
                self._connect_machine(f"side-{side}", machine)
            # In place of the first rule, so that a cut also holds for what arrives.
            _ip(f"-n {self.hub} rule add pref 100 lookup local")
            _ip(f"-n {self.hub} rule del pref 0")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"a network namespace needs root and iproute2: {error}")

    def _connect_machine(self, device: str, machine: Machine) -> None:
        hub, other = self.hub, machine.namespace
        _ip(f"-n {hub} link add {device} type veth peer eth netns {other}")
        for address in (BALANCER, REDIS, DATABASE):
            _ip(f"-n {hub} addr add {address}/32 dev {device}")
        _ip(f"-n {hub} link set {device} up")
        _ip(f"-n {hub} route add {machine.address} dev {device} src {BALANCER}")
        _ip(f"-n {other} addr add {machine.address}/24 dev eth")
        _ip(f"-n {other} link set eth up")

    @contextmanager
    def cut_off(self, side: str, service: str) -> Iterator[None]:
        """Drop every packet between a machine and a service while the block runs."""
        self._rules("add", side, service)
        try:
            yield
        finally:
            self._rules("del", side, service)

    def _rules(self, verb: str, side: str, service: str) -> None:
        address = self.machines[side].address
        for one, other in ((address, service), (service, address)):
            _ip(f"-n {self.hub} rule {verb} pref 1 from {one} to {other} blackhole")

    def restart(self, side: str) -> None:
        """Replace the processes of a machine as a deployment does."""
        machine = self.machines[side]
        machine.stop(signal.SIGTERM)
        machine.start()

    @contextmanager
    def drained(self, side: str) -> Iterator[None]:
        """Let the balancer send a machine nothing more while the block runs."""
        self.balancer.set_state(f"{READY}/{side}", "drain")
        try:
            yield
        finally:
            self.balancer.set_state(f"{READY}/{side}", "ready")

    def connect_from(self, side: str) -> socket.socket:
        """Return a connection from a machine to the balancer."""
        namespace = self.machines[side].namespace
        return connect_from(namespace, (BALANCER, HTTP_PORT))

    def is_up(self, side: str) -> bool:
        """Tell whether the balancer sends requests to a machine."""
        return self.balancer.servers(READY)[side].is_up

    def requests(self, side: str) -> int:
        """Return how many requests are open at a machine, streams among them."""
        return self.balancer.servers(READY)[side].requests

    def wait_until_up(self, side: str) -> None:
        """Wait until the balancer sends requests to a machine, and goes on to."""
        wait_for(
            lambda: self.balancer.servers(READY)[side].is_healthy,
            what=f"{side} to be up: {self.machines[side].output.read_text()}",
            seconds=2 * DEADLINE_SECONDS,
        )

    def workers(self) -> list[int]:
        """Return the process ids of the workers of both machines."""
        return [pid for each in self.machines.values() for pid in each.workers()]


class _Database:
    """The one database of a PostgreSQL that is the site's own."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = f"{server.url.rpartition('/')[0]}/site"

    def create(self) -> None:
        """Start the server, and create the site's tables."""
        self._server.start()
        with connect(self._server.url) as connection:
            connection.execute("CREATE DATABASE site")
        migrate(self.url)

    def drop(self) -> None:
        """Leave the data to the server, which goes with them."""

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with connect(self.url) as connection:
            return connection.execute(query, values or None).fetchall()


def inside(namespace: str) -> list[str]:
    """Return the start of a command that runs in a namespace."""
    return ["ip", "netns", "exec", namespace]


def _ip(command: str, *, check: bool = True) -> None:
    subprocess.run(["ip", *command.split()], check=check, capture_output=True)
