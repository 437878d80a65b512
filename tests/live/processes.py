"""What processes hold, as the kernel tells it."""

import os
from collections.abc import Iterable
from pathlib import Path

import redis

from tests.live.server import Site

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


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


def redis_clients(site: Site) -> int:
    """Return how many connections the site's Redis has, without ours."""
    with redis.Redis.from_url(site.redis.url) as client:
        return len(client.client_list()) - 1
