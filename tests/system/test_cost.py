"""What a stream costs the site beside itself: no database, hardly any Redis."""

from contextlib import ExitStack

import pytest
import redis

from tests.databases import ON_POSTGRESQL
from tests.system.listener import Listener
from tests.system.processes import most_redis_clients, open_names

STREAMS = 30
TOPIC = "/notifications/stream/?topic=topic:*"


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
    names = [name for pid in site.workers() for name in open_names(pid)]

    assert not [name for name in names if name.startswith(str(site.database.path))]


@pytest.mark.usefixtures("streams")
def test_streams_share_one_reader_of_the_log(site):
    with redis.Redis.from_url(site.redis.url) as client:
        commands = [each["cmd"] for each in client.client_list()]

    # A worker without streams has none, nor has one that checks its position.
    assert commands.count("xread") <= len(site.workers())
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
