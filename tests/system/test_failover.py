"""What holds when the primary of several Redis servers is lost."""

import itertools

import pytest

from tests.effort import THOROUGH, either
from tests.redis_group import ClusterGroup, SentinelGroup, running
from tests.system.crowd import wait_until_live
from tests.system.exactly_once import everything_arrives, wait_for_more_events, wrong
from tests.system.faults import FAST, RESET
from tests.system.server import Site, wait_for
from tests.system.topics import asking, new_topics

STREAMS = either(20, thorough=200)
EVENTS_PER_SECOND = either(40, thorough=200)
ENVIRONMENT = {**FAST, "NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS": "1000"}


# By what servers, and whether hubs read from replicas.
BOTH = [*itertools.product([SentinelGroup, ClusterGroup], [True, False])]
SETUPS = BOTH if THOROUGH else [(SentinelGroup, True), (ClusterGroup, False)]


def name(setup):
    group, reads_replicas = setup
    return f"{group.__name__}-{'replicas' if reads_replicas else 'primary'}"


@pytest.fixture(scope="module", params=SETUPS, ids=name)
def setup(request):
    return request.param


@pytest.fixture(scope="module")
def group(setup):
    with running(setup[0]()) as group:
        yield group


@pytest.fixture(scope="module")
def site(group, setup):
    url = group.reading_url if setup[1] else group.site_url
    with Site(environment={**ENVIRONMENT, "REDIS_URL": url}) as site:
        yield site


@pytest.fixture
def mended(group):
    yield
    group.mend()


@pytest.fixture
def streams(site, crowd):
    """A stream of each of some topics."""
    found = {topic: crowd.open(asking([topic])) for topic in new_topics(STREAMS)}
    wait_until_live(found.values())
    return found


def kill(group):
    group.primary().kill()


def freeze(group):
    group.primary().freeze()


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize("fault", [kill, freeze])
def test_every_stream_gets_everything_in_spite_of_a_failover(
    site, group, publisher, streams, fault
):
    if fault is freeze and isinstance(group, ClusterGroup) and not THOROUGH:
        pytest.skip("make thorough freezes the primary of a Cluster, too")
    topics = [*streams]
    before = group.primary()
    with publisher.steadily(EVENTS_PER_SECOND, lambda n: [topics[n % len(topics)]]):
        wait_for(lambda: all(each.uids for each in streams.values()), what="events")
        fault(group)
        wait_for(lambda: group.primary() is not before, what="another primary")
        wait_for_more_events(streams.values())

    events = everything_arrives(site, publisher, streams)

    assert wrong(streams, events) == {}


@pytest.mark.usefixtures("mended")
def test_what_redis_has_acknowledged_and_lost_is_sent_or_declared(
    site, group, publisher, streams
):
    before = group.primary()
    group.hold_back_replicas()
    # All at once: a replica that was away for long does not take over.
    for topic in streams:
        publisher.ask(topic)
    publisher.wait()
    wait_for(lambda: all(each.uids for each in streams.values()), what="the events")
    before.kill()
    group.release_replicas()
    wait_for(lambda: group.primary() is not before, what="another primary")

    events = everything_arrives(site, publisher, streams)

    assert wrong(streams, events) == {}
    assert all(each.named(RESET) for each in streams.values())
