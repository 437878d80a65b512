"""Several Redis servers that stand in for each other: by Sentinels, or as a Cluster."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from notifications.log import rights
from project import redis_binary
from tests.system.proxy import Proxy
from tests.system.server import free_port, wait_for
from tests.watchdog import watch_group

HOST = "127.0.0.1"
SERVICE = "main"
USER, PASSWORD, SENTINEL_PASSWORD = "site", "redis-s", "sentinel-s"
SECRET = f"requirepass {PASSWORD}", f"masterauth {PASSWORD}"
# After how long a silent primary counts as down, in milliseconds.
DOWN_AFTER_MS = 1_000
SLOTS = 16_384
LOG_KEY = b"{notifications}:log"


class Server:
    """One process of redis-server, on a TCP port, with its files in a folder."""

    def __init__(self, folder: Path, *options: str, sentinel: bool = False) -> None:
        self.port = free_port()
        self.folder = folder / str(self.port)
        self.folder.mkdir()
        self._sentinel = sentinel
        self._log = self.folder / "log"
        self._config = self.folder / "redis.conf"
        lines = [f"port {self.port}", f"bind {HOST}", f"dir {self.folder}", *options]
        self._config.write_text("\n".join(lines))
        self.start()

    def start(self) -> None:
        """Start the process; `wait_until_ready` waits for it."""
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                [redis_binary.find(), str(self._config), *self._mode()],
                stdout=output,
                start_new_session=True,
            )
        watch_group(self.process.pid)

    def _mode(self) -> list[str]:
        return ["--sentinel"] if self._sentinel else []

    def client(self) -> redis.Redis:
        """Return a client for this process alone."""
        password = SENTINEL_PASSWORD if self._sentinel else PASSWORD
        return redis.Redis(HOST, self.port, password=password, socket_timeout=5)

    def wait_until_ready(self) -> None:
        """Wait until the process replies."""
        wait_for(self._replies, what=self._log.read_text())

    def _replies(self) -> bool:
        with contextlib.suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False

    def freeze(self) -> None:
        """Stop the process for now; its connections stay open."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process run on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process without warning."""
        self.process.kill()
        self.process.wait()


class Group:
    """Servers that replicate each other; `url` is their address for a site."""

    # What the user needs beside the rights on one server.
    more_rights: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.servers: list[Server] = []
        self.others: list[Server] = []
        self.url = ""
        # A user with the least rights, as in the configuration of each server. Redis
        # does not replicate users.
        granted = [f"+{each}" for each in self.more_rights]
        rules = ["on", f">{PASSWORD}", *rights.rules("{*}", channels="*"), *granted]
        self._user = " ".join(["user", USER, *rules])

    @property
    def site_url(self) -> str:
        """The address with the user for a site."""
        return self.url.replace("//:", f"//{USER}:")

    @property
    def reading_url(self) -> str:
        """The same address, to read the log from replicas."""
        url = self.site_url
        return f"{url}{'&' if '?' in url else '?'}readers=replicas"

    def primary(self) -> Server:
        """Return the server to which the site's log is written."""
        raise NotImplementedError

    def mend(self) -> None:
        """Let every server run, and wait until each replica is up to date."""
        for each in self.servers:
            if each.process.poll() is None:
                each.thaw()
            else:
                each.start()
        for each in self.servers:
            each.wait_until_ready()

    def hold_back_replicas(self) -> None:
        """Let the primary go on alone: what it acknowledges now is on no other server.

        For less than DOWN_AFTER_MS, or the replicas count as down.
        """
        with self.primary().client() as client:
            found = client.info("replication")
            ports = {
                found[f"slave{n}"]["port"] for n in range(found["connected_slaves"])
            }
            for each in self.servers:
                if each.port in ports:
                    each.freeze()
            # Otherwise what is on the way to them would still arrive.
            client.client_kill_filter(_type="replica")

    def release_replicas(self) -> None:
        """Let the replicas go on."""
        for each in self.servers:
            if each.process.poll() is None:
                each.thaw()

    def stop(self) -> None:
        """End all processes and remove their files."""
        for each in [*self.others, *self.servers]:
            each.kill()
        shutil.rmtree(self.folder)

    def _new_server(self, *options: str, sentinel: bool = False) -> Server:
        server = Server(self.folder, *options, sentinel=sentinel)
        (self.others if sentinel else self.servers).append(server)
        return server


class SentinelGroup(Group):
    """A primary with two replicas, and three Sentinels."""

    def start(self) -> None:
        secret = [*SECRET, self._user]
        first = self._new_server(*secret)
        for _ in range(2):
            self._new_server(*secret, f"replicaof {HOST} {first.port}")
        for each in self.servers:
            each.wait_until_ready()
        for _ in range(3):
            self._new_server(
                f"requirepass {SENTINEL_PASSWORD}",
                f"sentinel monitor {SERVICE} {HOST} {first.port} 2",
                f"sentinel auth-pass {SERVICE} {PASSWORD}",
                f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}",
                f"sentinel failover-timeout {SERVICE} 5000",
                sentinel=True,
            )
        for each in self.others:
            each.wait_until_ready()
        hosts = ",".join(f"{HOST}:{each.port}" for each in self.others)
        self.url = (
            f"redis+sentinel://:{PASSWORD}@{hosts}/{SERVICE}/0"
            f"?sentinel_password={SENTINEL_PASSWORD}"
        )
        wait_for(self._is_complete, what="the Sentinels to know everyone")

    def _is_complete(self) -> bool:
        return all(self._knows_all(each) for each in self.others)

    def _knows_all(self, sentinel: Server) -> bool:
        with sentinel.client() as client:
            state = client.sentinel_masters()[SERVICE]
            replicas = client.sentinel_slaves(SERVICE)
        return state["num-other-sentinels"] == 2 and len(replicas) == 2

    def primary(self) -> Server:
        with self.others[0].client() as client:
            port = client.sentinel_masters()[SERVICE]["port"]
        return next(each for each in self.servers if each.port == port)


class ReplicatedServer(Group):
    """A primary and a replica, which replicates through a proxy.

    On the replica, the user has the rights to read and no others.
    """

    def start(self) -> None:
        first = self._new_server(*SECRET, self._user, "repl-diskless-sync-delay 0")
        self.proxy = Proxy((HOST, first.port))
        rules = ["on", f">{PASSWORD}", *rights.replica_rules("{*}")]
        self.replica = self._new_server(
            *SECRET,
            " ".join(["user", USER, *rules]),
            f"replicaof {HOST} {self.proxy.port}",
        )
        for each in self.servers:
            each.wait_until_ready()
        self.url = f"redis://:{PASSWORD}@{HOST}:{first.port}/0"
        self.wait_until_replicated()

    @property
    def reading_url(self) -> str:
        return f"{self.site_url}?readers={HOST}:{self.replica.port}"

    def primary(self) -> Server:
        return self.servers[0]

    def mend(self) -> None:
        self.proxy.mend()
        super().mend()
        with self.replica.client() as client:
            client.replicaof(HOST, self.proxy.port)
        self.wait_until_replicated()

    def wait_until_replicated(self) -> None:
        """Wait until the replica has what the primary has."""
        wait_for(self._is_replicated, what="the replica")

    def _is_replicated(self) -> bool:
        with self.primary().client() as primary, self.replica.client() as replica:
            found = replica.info("replication")
            written = primary.info("replication")["master_repl_offset"]
        return (
            found["master_link_status"] == "up"
            and found["slave_repl_offset"] >= written
        )

    def stop(self) -> None:
        self.proxy.cut()
        super().stop()


class ClusterGroup(Group):
    """Three nodes with a part of the slots each, and a replica of each."""

    more_rights = (*rights.IN_A_CLUSTER, *rights.ON_REPLICAS_IN_A_CLUSTER)

    def start(self) -> None:
        for _ in range(6):
            self._new_server(
                "cluster-enabled yes",
                f"cluster-node-timeout {DOWN_AFTER_MS}",
                # However long it was away, as on a loaded machine.
                "cluster-replica-validity-factor 0",
                *SECRET,
                self._user,
            )
        for each in self.servers:
            each.wait_until_ready()
        self._introduce()
        wait_for(self._is_complete, what="a complete Cluster")
        hosts = ",".join(f"{HOST}:{each.port}" for each in self.servers)
        self.url = f"redis+cluster://:{PASSWORD}@{hosts}"

    def _introduce(self) -> None:
        primaries, replicas = self.servers[:3], self.servers[3:]
        for number, server in enumerate(primaries):
            slots = range(number * SLOTS // 3, (number + 1) * SLOTS // 3)
            with server.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTS", *slots)
                # Otherwise two of them may claim the same epoch.
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        with self.servers[0].client() as client:
            for each in self.servers[1:]:
                client.execute_command("CLUSTER", "MEET", HOST, each.port)
        for primary, replica in zip(primaries, replicas, strict=True):
            with primary.client() as client:
                name = client.execute_command("CLUSTER", "MYID").decode()
            wait_for(lambda: self._replicate(replica, name), what="a replica")  # noqa: B023

    def _replicate(self, replica: Server, name: str) -> bool:
        with contextlib.suppress(redis.ResponseError), replica.client() as client:
            # Refused as long as it does not know the other.
            client.execute_command("CLUSTER", "REPLICATE", name)
            return True
        return False

    def _is_complete(self) -> bool:
        return all(self._sees_all(each) for each in self.servers)

    def _sees_all(self, server: Server) -> bool:
        with server.client() as client:
            info = client.execute_command("CLUSTER", "INFO")
            slots = client.execute_command("CLUSTER", "SLOTS")
        ok = (
            b"cluster_state:ok" in info
            if isinstance(info, bytes)
            else (info["cluster_state"] == "ok")
        )
        return ok and len(slots) == 3

    def primary(self) -> Server:
        for each in self.servers:
            if each.process.poll() is None:
                with contextlib.suppress(redis.RedisError), each.client() as client:
                    found = client.execute_command("CLUSTER", "SLOTS")
                    port = _port_of(found, key_slot(LOG_KEY))
                    return next(each for each in self.servers if each.port == port)
        raise AssertionError("no node replies")


def _port_of(slots: list[Any], slot: int) -> int:
    """Return the port of the primary of a slot, in the reply to CLUSTER SLOTS."""
    return next(node[1] for start, end, node, *_ in slots if start <= slot <= end)


@contextmanager
def running(group: Group) -> Iterator[Group]:
    """Run the servers of a group until the block ends."""
    try:
        group.start()
        yield group
    finally:
        group.stop()
