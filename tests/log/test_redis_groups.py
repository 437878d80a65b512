"""The log in a Redis that Sentinels or a Cluster stand for, with the least rights."""

import uuid

import pytest

from notifications.exceptions import LogUnavailable
from notifications.log.messages import publish_message
from notifications.log.stream import Log
from tests.redis_group import (
    PASSWORD,
    SENTINEL_PASSWORD,
    ClusterGroup,
    SentinelGroup,
    running,
)
from tests.system.server import wait_for


@pytest.fixture(scope="module", params=[SentinelGroup, ClusterGroup])
def group(request):
    with running(request.param()) as group:
        yield group


@pytest.fixture
def new_log():
    """A function that returns a log at a URL."""
    logs = []

    def new_log(url):
        logs.append(Log(lambda: url))
        return logs[-1]

    yield new_log
    for each in logs:
        each.close()


def test_log_is_written_and_read_with_the_least_rights(group, new_log):
    log = new_log(group.site_url)
    log.rights.check()
    position = log.position()

    [cursor] = log.append([("uid", b"{}")])

    assert [each.cursor for each in log.wait(position, seconds=5)] == [cursor]
    assert log.contains(cursor)
    assert log.recovery().identity()


def test_log_is_read_from_a_replica(group, new_log):
    log = new_log(group.reading_url)
    position = log.position()

    def is_found():
        log.wait(position, seconds=0.05)
        return log.reader.replica_lag is not None

    wait_for(is_found, what="a replica")
    [cursor] = log.append([(uuid.uuid4().hex, b"{}")])

    wait_for(lambda: log.wait(position, seconds=0.05), what="the entry")
    assert log.contains(cursor)
    assert log.reader.replica_lag is not None


def test_message_reaches_subscribers(group, new_log):
    messages = new_log(group.url).subscribe(["sse"], seconds=0.05)
    assert next(messages) is None

    publish_message(group.url, "sse", b"hello")

    assert next(filter(None, messages)).body == b"hello"
    messages.close()


def test_wrong_password_is_named_with_the_one_to_correct(group, new_log):
    advice = {PASSWORD: "Redis rejects", SENTINEL_PASSWORD: "the Sentinels reject"}

    for password, said in advice.items():
        if password in group.url:
            log = new_log(group.url.replace(password, "guess"))
            with pytest.raises(LogUnavailable, match=f"{said} the user name or pass"):
                log.position()
