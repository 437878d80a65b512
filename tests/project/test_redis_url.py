"""The URL of the embedded Redis, as the site's clients ask for it."""

import os
import signal
import socket

import pytest

from project import redis_server
from tests.sites import DEADLINE
from tests.system.server import wait_for
from tests.watchdog import watch_redis


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The embedded Redis of a site in a folder of its own; it does not run yet."""
    monkeypatch.setattr(redis_server, "BASE_DIR", tmp_path)
    monkeypatch.setattr(redis_server, "START_TIMEOUT", DEADLINE)
    server = redis_server.embedded()
    watch_redis(server.directory)
    yield server
    server.stop()


@pytest.fixture
def frozen(server, monkeypatch):
    """The same Redis, which accepts connections and does not reply."""
    server.ensure_running(timeout=DEADLINE)
    # A wait for it fails soon.
    monkeypatch.setattr(redis_server, "START_TIMEOUT", 0)
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    yield server
    os.kill(pid, signal.SIGCONT)


def test_url_starts_the_redis_of_the_site(server, tmp_path):
    url = redis_server.url()

    assert url == f"unix://{tmp_path}/var/redis.sock"
    assert server.is_ready()


def test_url_starts_a_redis_that_left_its_socket(server):
    server.ensure_running(timeout=DEADLINE)
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: not server.is_alive(), what="the end of Redis")

    redis_server.url()

    assert server.is_ready()


def test_url_does_not_wait_for_a_redis_that_does_not_reply(frozen):
    assert redis_server.url() == frozen.url


def test_url_does_not_wait_for_a_redis_whose_backlog_is_full(frozen):
    waiting = []
    while True:
        waiting.append(socket.socket(socket.AF_UNIX))
        waiting[-1].setblocking(False)
        try:
            waiting[-1].connect(str(frozen.socket))
        except BlockingIOError:
            break

    url = redis_server.url()

    for each in waiting:
        each.close()
    assert url == frozen.url
