"""Fixtures for all tests: the real Redis, and a log of its own for each test."""

import gc
import itertools
import logging
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
from django.core.management.commands import flush
from django.db import connection

from notifications.lib.log_throttle import RateLimitFilter
from notifications.live.hub import shared_hub
from notifications.live.pubsub import shared_pubsub
from notifications.log.stream import Log, shared_log
from notifications.mercure.tracker import shared_tracker
from notifications.streams.admission import shared_admission
from notifications.streams.presence import shared_presence
from project.qa.models import Topic
from tests.own_redis import OwnRedis, as_site, own_redis
from tests.users import User
from tests.watchdog import end_with_parent

# A background job of a shell ignores SIGINT, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The time of an example, and of making it up, depends on the machine.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")

# The unit tests measure what these do, too, in half the time that these take without.
UNMEASURED = ("system", "browser", "interop", "properties")
# Tests wait for servers most of the time.
WORKERS_PER_PROCESSOR = 2
# What `migrate` itself fills, and no test changes.
FILLED_TABLES = {"django_content_type", "auth_permission"}

_prefixes = (f"test-{number}" for number in itertools.count())


def pytest_configure(config: pytest.Config) -> None:
    """Have the workers of pytest-xdist end with the run, however it ends."""
    if hasattr(config, "workerinput"):
        end_with_parent()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers `--numprocesses=auto` starts."""
    return WORKERS_PER_PROCESSOR * (os.cpu_count() or 1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the larger tests without coverage, and first.

    The small ones can then fill the workers evenly until the end. Otherwise the order
    is random: this sort is stable.
    """
    for item in items:
        if _kind(item) in UNMEASURED:
            item.add_marker(pytest.mark.no_cover)
    order = {kind: number for number, kind in enumerate(UNMEASURED)}
    items.sort(key=lambda item: order.get(_kind(item), len(order)))


@pytest.hookimpl
def pytest_collection_finish() -> None:
    """Let the garbage collector leave out the tests themselves, which stay anyway."""
    gc.collect()
    gc.freeze()


def _kind(item: pytest.Item) -> str:
    return item.path.parent.name


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix(request: pytest.FixtureRequest) -> None:
    """Give each worker a database of its own.

    SQLite has one in memory already, in each process its own; pytest-django knows that
    of Django's own engine alone, and would rename the file.
    """
    if connection.vendor != "sqlite":
        request.getfixturevalue("django_db_modify_db_settings_xdist_suffix")


@pytest.fixture(scope="session", autouse=True)
def filled_tables() -> Iterator[None]:
    """Keep FILLED_TABLES after a test with transactions, which deletes all other rows.

    To fill them again took a third of the time of these tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", _sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield


def _sql_flush(style: Any, connection: Any, **options: Any) -> list[str]:
    tables = connection.introspection.django_table_names(
        only_existing=True, include_views=False
    )
    tables = [each for each in tables if each not in FILLED_TABLES]
    flushed: list[str] = connection.ops.sql_flush(style, tables, **options)
    return flushed


@pytest.fixture(scope="session")
def redis_server() -> Iterator[OwnRedis]:
    """A Redis for this process."""
    with own_redis() as server:
        yield server


class Link:
    """The path to Redis, which a test can cut and mend: a link to its socket."""

    def __init__(self, name: Path, server: OwnRedis, client: redis.Redis) -> None:
        self._name = name
        self._server = server
        self._client = client

    def __call__(self) -> str:
        return as_site(f"unix://{self._name}")

    def cut(self) -> None:
        """Make Redis unavailable, and close the open connections."""
        self._name.unlink()
        for kind in ("normal", "pubsub"):
            self._client.client_kill_filter(_type=kind, skipme=True)

    def mend(self) -> None:
        """Make Redis available again."""
        self._name.symlink_to(self._server.socket)


@pytest.fixture
def link(redis_server, redis_client) -> Iterator[Link]:
    name = redis_server.directory / f"{uuid.uuid4().hex}.sock"
    link = Link(name, redis_server, redis_client)
    link.mend()
    yield link
    name.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def log(link, settings) -> Iterator[Log]:
    """The process's log, on keys that no other test uses."""
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "REDIS_URL": link,
        "REDIS_BREAKER_TIMEOUT": 0,
        "KEY_PREFIX": next(_prefixes),
        "LOG_READ_TIMEOUT": 0.1,
    }
    for shared in (
        shared_log,
        shared_hub,
        shared_pubsub,
        shared_admission,
        shared_presence,
        shared_tracker,
    ):
        shared.cache_clear()
    yield shared_log()
    shared_presence().stop()
    shared_tracker().stop()
    shared_hub().stop()
    shared_pubsub().stop()
    shared_log().close()


@pytest.fixture(autouse=True)
def unthrottled() -> None:
    """Reset the rate limits of the logs for each test."""
    loggers = logging.Logger.manager.loggerDict.values()
    for logger in loggers:
        for each in getattr(logger, "filters", ()):
            if isinstance(each, RateLimitFilter):
                each.reset()


@pytest.fixture
def redis_client(redis_server) -> Iterator[redis.Redis]:
    """A client of the tests, for what other programs may do to Redis."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
def no_redis(link, log) -> None:
    """Make Redis unavailable."""
    link.cut()


@pytest.fixture
def maja(db) -> User:
    return User.objects.create_user("maja")


@pytest.fixture
def tobias(db) -> User:
    return User.objects.create_user("tobias")


@pytest.fixture
def espresso(db) -> Topic:
    return Topic.objects.create(slug="espresso", name="Espresso")
