"""Fixtures for all tests: the real Redis, and a log of its own for each test."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifications.channels import shared_channels
from notifications.hub import shared_hub
from notifications.log import Log, shared_log
from project.redis_server import RedisServer

_prefixes = (f"test-{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis for the whole run, in a folder short enough for its socket."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(folder)
    server.ensure_running(patience=10)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def log(redis_server, settings) -> Iterator[Log]:
    """The process's log, on keys that no other test uses."""
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "REDIS_URL": redis_server.url,
        "KEY_PREFIX": next(_prefixes),
        "READ_BLOCK": 0.2,
    }
    for shared in (shared_log, shared_hub, shared_channels):
        shared.cache_clear()
    yield shared_log()
    shared_hub().stop()
    shared_channels().stop()
    shared_log().close()


@pytest.fixture
def no_redis(settings, log) -> None:
    """A Redis that is not there."""
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "REDIS_URL": "unix:///nonexistent/redis.sock",
    }
    log.close()
