"""A Redis that tests have for themselves, and stop and restart as they like."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from project.redis_server import RedisServer
from tests.watchdog import watch_redis

START_SECONDS = 30


@contextmanager
def own_redis() -> Iterator[RedisServer]:
    """Run a Redis, in a folder short enough for its socket, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(folder)
    watch_redis(folder)
    server.ensure_running(timeout=START_SECONDS)
    yield server
    server.stop()
    shutil.rmtree(folder)
