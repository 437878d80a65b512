"""What a stream costs the site beside itself: no database, hardly any Redis."""

from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from tests.databases import ON_POSTGRESQL
from tests.system.listener import Listener
from tests.system.processes import most_redis_clients

STREAMS = 30
TOPIC = "/notifications/stream/?topic=topic:*"


def open_files(pid):
    """Return what the process has open, as the kernel names it."""
    folder = Path(f"/proc/{pid}/fd")
    return [str(each.readlink()) for each in folder.iterdir() if each.is_symlink()]


@pytest.fixture
def streams(people):
    """Streams of STREAMS people."""
    readers = people(*(f"reader-{number}" for number in range(STREAMS)))
    with ExitStack() as stack:
        for reader in readers:
            stack.enter_context(Listener(reader.client, TOPIC))
        yield


@pytest.mark.skipif(ON_POSTGRESQL, reason="A pool keeps connections there.")
@pytest.mark.usefixtures("streams")
def test_streams_hold_no_database(site):
    names = [name for pid in site.workers() for name in open_files(pid)]

    assert not [name for name in names if name.startswith(str(site.database.path))]


@pytest.mark.usefixtures("streams")
def test_streams_share_one_reader_of_the_log(site):
    with redis.Redis.from_url(site.redis.url) as client:
        commands = [each["cmd"] for each in client.client_list()]

    assert commands.count("xread") == len(site.workers())
    # Ours; Redis 7 names the subcommand, too.
    [own] = [each for each in commands if each.partition("|")[0] == "client"]
    commands.remove(own)
    assert len(commands) <= most_redis_clients(site)


def test_channel_streams_share_one_redis_connection_per_process(site, people):
    [reader] = people("reader")
    with (
        redis.Redis.from_url(site.redis.url) as client,
        ExitStack() as stack,
    ):
        for _ in range(6):
            path = "/notifications/stream/?channel=sse"
            listener = stack.enter_context(Listener(reader.client, path))
        subscribed = client.pubsub_numsub("sse")
        client.publish("sse", '{"data": {"a": 1}, "type": "tick"}')
        assert listener.wait_for(1, "tick") == [{"a": 1}]

    assert subscribed[0][1] <= len(site.workers())
