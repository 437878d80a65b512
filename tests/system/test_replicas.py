"""What holds when the hubs read from a replica that loses its primary for a while."""

import pytest

from tests.redis_group import ReplicatedServer, running
from tests.system.crowd import wait_until_live
from tests.system.exactly_once import everything_arrives, wait_for_more_events, wrong
from tests.system.faults import FAST, RESET
from tests.system.processes import served
from tests.system.server import Site, wait_for
from tests.system.topics import asking, new_topics

STREAMS = 12
EVENTS_PER_SECOND = 20


@pytest.fixture(scope="module")
def servers():
    with running(ReplicatedServer()) as servers:
        yield servers


@pytest.fixture(scope="module")
def site(servers):
    environment = {**FAST, "REDIS_URL": servers.reading_url}
    with Site(environment=environment) as site:
        yield site


def wait_until_all_read(site, server, *, workers):
    """Wait until this many workers have begun to read there."""
    wait_for(
        lambda: site.output.read_text().count(f"read=from_{server}") >= workers,
        what=f"the {server}",
    )


def test_streams_get_everything_once_while_the_replica_is_cut_off(
    site, servers, publisher, crowd
):
    topics = new_topics(STREAMS)
    streams = {topic: crowd.open(asking([topic])) for topic in topics}
    wait_until_live(streams.values())
    # Only workers that have streams read the log.
    ports = {each.port for each in streams.values()}
    workers = sum(map(bool, served(site, ports)))
    wait_until_all_read(site, "replica", workers=workers)

    with publisher.steadily(EVENTS_PER_SECOND, lambda n: [topics[n % STREAMS]]):
        wait_for_more_events(streams.values())
        servers.proxy.black_hole()
        # They reconnect, some of them to a worker that is further than the other.
        for each in [*streams.values()][::2]:
            crowd.break_off(each)
        wait_until_all_read(site, "primary", workers=workers)
        wait_for_more_events(streams.values())
        servers.proxy.mend()
        for each in [*streams.values()][1::2]:
            crowd.break_off(each)
        wait_for_more_events(streams.values())

    events = everything_arrives(site, publisher, streams)
    assert wrong(streams, events) == {}
    assert not any(each.named(RESET) for each in streams.values())
