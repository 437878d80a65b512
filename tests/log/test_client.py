"""Connections to Redis: what fails at once, and what waits for a slow Redis."""

import uuid

import pytest
import redis

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.lib.circuit_breaker import FAILURES
from notifications.log.client import RedisClient
from notifications.log.connections import patiently
from notifications.log.stream import Log, shared_log
from notifications.protocol.cursor import Cursor
from tests.system.proxy import Proxy


def items(count):
    return [(uuid.uuid4().hex, b"%d" % number) for number in range(count)]


def test_every_command_fails_without_redis(no_redis):
    log = shared_log()

    for use in (
        log.position,
        lambda: log.append(items(1)),
        lambda: log.contains(Cursor(1, 1)),
        lambda: log.wait(Cursor(1, 1), seconds=0.1),
        lambda: next(log.subscribe(["sse"], seconds=0.1)),
    ):
        with pytest.raises(LogUnavailable):
            use()


def test_commands_fail_immediately_after_a_failure(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_BREAKER_TIMEOUT": 1}
    now = [100.0]
    connected = []

    def url():
        connected.append(now[0])
        return "unix:///nonexistent/redis.sock"

    log = Log(url, clock=lambda: now[0])
    for _ in range(4):
        with pytest.raises(LogUnavailable):
            log.position()
    now[0] += 1
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            log.position()

    assert connected == [100.0, 100.0, 101.0]


def test_failures_of_reconnects_or_replays_do_not_keep_appends_from_redis(
    log, link, settings
):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_BREAKER_TIMEOUT": 1_000}
    link.cut()
    for _ in range(FAILURES):
        with pytest.raises(LogUnavailable):
            log.load_sessions([("7", "session")])
        with pytest.raises(LogUnavailable):
            log.contains(Cursor(1, 1))
    link.mend()

    assert log.append(items(1))
    with pytest.raises(LogUnavailable, match="a moment ago"):
        log.load_sessions([("7", "session")])


def test_slow_redis_is_waited_for_where_no_request_waits(log, redis_server, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_TIMEOUT": 0.01}
    with Proxy(redis_server.socket) as proxy:
        proxy.delay(0.02)
        slow = Log(lambda: proxy.url, prefix="slow")
        with pytest.raises(LogUnavailable):
            slow.append(items(1))

        with patiently():
            assert slow.append(items(1))

        slow.close()


def test_slow_redis_is_waited_for_by_clients_that_reconnect(
    log, redis_server, settings
):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_TIMEOUT": 0.01}
    with Proxy(redis_server.socket) as proxy:
        proxy.delay(0.02)
        slow = Log(lambda: proxy.url, prefix="slow")

        assert slow.load_sessions([("7", "session")]) == [None]
        assert not slow.contains(Cursor(1, 1))

        slow.close()


def stream_key():
    return f"{{{conf.KEY_PREFIX}}}:log"


def test_probe_closes_all_breakers(log, link, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_BREAKER_TIMEOUT": 1_000}
    commands = [log.position, lambda: log.contains(Cursor(1, 1))]
    link.cut()
    for command in commands * FAILURES:
        with pytest.raises(LogUnavailable):
            command()
    link.mend()
    for command in commands:
        with pytest.raises(LogUnavailable, match="a moment ago"):
            command()

    # The sweep writes it, on a connection of its own.
    with patiently():
        log.probe()

    for command in commands:
        command()


def test_error_reply_does_not_open_the_breaker(log, redis_client):
    redis_client.set(stream_key(), "not a stream")
    with pytest.raises(LogUnavailable, match="WRONGTYPE"):
        log.position()
    redis_client.delete(stream_key())

    assert log.position()


class HangingRedis:
    """A Redis that never replies, with a clock that each command advances."""

    def __init__(self, *, seconds):
        self.now = 0.0
        self.commands = 0
        self._seconds = seconds

    def xrevrange(self, name, *, count):
        self.commands += 1
        self.now += self._seconds
        raise redis.TimeoutError

    def close(self):
        pass


@pytest.mark.parametrize(("seconds", "commands"), [(0.2, 2), (0.5, 3)])
def test_late_timeout_does_not_open_the_breaker(
    settings, monkeypatch, seconds, commands
):
    times = {"REDIS_BREAKER_TIMEOUT": 30, "REDIS_TIMEOUT": 0.2}
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, **times}
    hanging = HangingRedis(seconds=seconds)
    monkeypatch.setattr(RedisClient, "connect", lambda self, timeout: hanging)
    log = Log(lambda: "unix:///nowhere", clock=lambda: hanging.now)

    for _ in range(3):
        with pytest.raises(LogUnavailable):
            log.position()

    assert hanging.commands == commands
