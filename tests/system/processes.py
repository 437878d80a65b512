"""What processes hold, as the kernel reports it in /proc."""

import contextlib
import os
from collections.abc import Callable, Container, Iterable
from pathlib import Path

import redis

from tests.system.server import Site

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# As notifications/log/stream.py says, whatever the number of clients.
CONNECTIONS_OF_WORKER = 6
# As /proc/net/tcp writes it: proc(5).
ESTABLISHED, LISTEN = "01", "0A"
# The tables of sockets in /proc/net, and the column that has their inodes.
SOCKET_TABLES = {"tcp": 9, "tcp6": 9, "unix": 6}


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_bytes(pid: int) -> int:
    """Return how much memory a process holds."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * PAGE_BYTES


def total_descriptors(pids: Iterable[int]) -> int:
    """Return how many descriptors these processes have open together."""
    return sum(map(descriptors, pids))


def sockets_elsewhere(pids: Iterable[int]) -> int:
    """Return how many sockets of other network namespaces these processes have."""
    here = set()
    for table, column in SOCKET_TABLES.items():
        rows = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        here |= {f"socket:[{row.split()[column]}]" for row in rows}
    names = [name for pid in pids for name in open_names(pid)]
    return sum(name.startswith("socket:") and name not in here for name in names)


def most_redis_clients(site: Site) -> int:
    """Return how many connections the site's workers open to Redis at most."""
    return CONNECTIONS_OF_WORKER * len(site.workers())


def redis_clients(site: Site) -> int:
    """Return how many connections the site's Redis has, without ours."""
    with redis.Redis.from_url(site.redis.url) as client:
        return len(client.client_list()) - 1


def served(site: Site, ports: Container[int]) -> list[int]:
    """Return how many of the clients with these ports each worker serves."""
    return _connections(
        site,
        lambda remote, state: (
            state == ESTABLISHED and int(remote.rpartition(":")[2], 16) in ports
        ),
    )


def held(site: Site) -> int:
    """Return how many clients' sockets the workers hold, also of clients that left."""
    return sum(_connections(site, lambda _, state: state != LISTEN))


def _connections(site: Site, counts: Callable[[str, str], bool]) -> list[int]:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    port = f":{site.port:04X}"
    ours = {
        f"socket:[{inode}]"
        for _, local, remote, state, _, _, _, _, _, inode, *_ in rows
        if local.endswith(port) and counts(remote, state)
    }
    return [sum(name in ours for name in open_names(pid)) for pid in site.workers()]


def open_names(pid: int) -> list[str]:
    """Return what a process has open, as the kernel names it."""
    names = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        # Another thread may have closed it by now.
        with contextlib.suppress(FileNotFoundError):
            names.append(str(each.readlink()))
    return names
