"""Faults while streams are open."""

import os
import random
import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.effort import either
from tests.http_client import http_client
from tests.system.crowd import Crowd, wait_until_live
from tests.system.network import Network
from tests.system.processes import (
    held,
    most_redis_clients,
    redis_clients,
    resident_bytes,
    served,
    sockets_elsewhere,
    total_descriptors,
)
from tests.system.publisher import Publisher, due, published, wait_for_event
from tests.system.server import Site, wait_for
from tests.system.topics import asking, new_topics

RATE = 200  # events a second
RECONNECTS = either(80, thorough=500)
PAGES = either(80, thorough=1000)
VISITORS = 20  # at a time
SLOW, HEALTHY = 100, either(150, thorough=400)
SLOW_RATE = 50  # events a second, with a title of this length
LONG = "x" * 4_000
CLIENT_BUFFER_BYTES = 65_536
WAVE, WARM_UPS = 500, 3
WAVES = either(3, thorough=10)
TOLERANCE = 1.05
# Tighter, so that a leak of one kilobyte a stream fails the test.
MEMORY_TOLERANCE = 1.02
HEARTBEAT_SECONDS = 1
GONE = 10  # on each of two topics
# A fifth of the defaults.
GONE_ENVIRONMENT = {
    "NOTIFICATIONS_HEARTBEAT_INTERVAL": "3",
    "NOTIFICATIONS_CLIENT_TIMEOUT": "2.4",
}
CURSOR = re.compile(r'data-cursor="([0-9-]+)"')


ENVIRONMENT = {
    "NOTIFICATIONS_RETRY_INTERVAL": "0.2",
    "NOTIFICATIONS_HEARTBEAT_INTERVAL": str(HEARTBEAT_SECONDS),
    "NOTIFICATIONS_LOG_READ_TIMEOUT": "1",
    "NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS": "5000",
    # The buffer is to close slow readers here, and not the timeout.
    "NOTIFICATIONS_CLIENT_TIMEOUT": "60",
    # A loaded machine is not the fault under test.
    "NOTIFICATIONS_REDIS_TIMEOUT": "5",
}


@pytest.fixture(scope="module")
def site():
    with Site(workers=2, environment=ENVIRONMENT) as site:
        yield site


def open_streams(crowd, count, names, *, each, chance):
    """Open streams of random topics and of the last one; return them by theirs."""
    *names, end = names
    follows = [{*chance.sample(names, each), end} for _ in range(count)]
    streams = [(crowd.open(asking(follow)), follow) for follow in follows]
    wait_until_live(stream for stream, _ in streams)
    return streams


def addressing(names, chance):
    """Return a function that gives each event one topic or two, but never the last."""
    return lambda number: chance.sample(names[:-1], chance.choice([1, 1, 2]))


def assert_each_got_what_is_due(site, publisher, streams, end):
    """Publish a last event for all, and compare every stream with the database."""
    last = publisher.publish(end)
    wait_for_event((stream for stream, _ in streams), last)
    events = published(site.database)
    got = [stream.uids for stream, _ in streams]
    assert got == [due(events, follow) for _, follow in streams]
    assert not any(stream.named("reset") for stream, _ in streams)


def test_streams_of_a_killed_worker_resume_in_another(site, publisher, crowd):
    chance = random.Random(1)
    names = new_topics(100)
    streams = open_streams(crowd, 500, names, each=2, chance=chance)
    victim = site.workers()[0]

    with publisher.steadily(RATE, addressing(names, chance)):
        before = len(publisher.uids)
        wait_for(lambda: len(publisher.uids) > before + RATE, what="events")
        os.kill(victim, signal.SIGKILL)
        wait_for(
            lambda: sum(stream.attached > 1 for stream, _ in streams) > 50,
            what="streams to reconnect",
        )
        wait_until_live(stream for stream, _ in streams)
        before = len(publisher.uids)
        wait_for(lambda: len(publisher.uids) > before + RATE, what="events")

    assert_each_got_what_is_due(site, publisher, streams, names[-1])


def test_person_vanishes_with_their_killed_process(site, people, crowd):
    sessions = [each.client.cookies["sessionid"] for each in people("maja", "tobias")]
    maja, tobias = [crowd.open(asking(["room:ends"]), session=s) for s in sessions]

    def shown():
        told = maja.named("presence")
        return told and [each["name"] for each in told[-1].fields["people"]]

    wait_for(lambda: shown() == ["maja", "tobias"], what="both")
    victim = site.workers()[served(site, {tobias.port}).index(1)]
    # So that it does not see the client leave.
    os.kill(victim, signal.SIGSTOP)
    crowd.close(tobias)
    os.kill(victim, signal.SIGKILL)

    wait_for(lambda: shown() == ["maja"], what="one to vanish")


def test_streams_that_reconnect_get_each_event_once(site, publisher, crowd):
    chance = random.Random(2)
    names = new_topics(10)
    streams = open_streams(crowd, 50, names, each=3, chance=chance)

    def reconnected():
        return sum(stream.attached - 1 for stream, _ in streams)

    def break_some():
        live = [stream for stream, _ in streams if stream.live]
        for stream in chance.sample(live, min(len(live), 5)):
            crowd.break_off(stream)
        return reconnected() >= RECONNECTS

    with publisher.steadily(RATE, addressing(names, chance)):
        wait_for(break_some, what=f"{RECONNECTS} reconnects")

    assert_each_got_what_is_due(site, publisher, streams, names[-1])


def page_cursor(client):
    """Return the cursor of a page; a page made without Redis has none."""
    found = []

    def read():
        found[:] = CURSOR.findall(client.get("/").text)
        return found

    wait_for(read, what="a page with a cursor")
    return found[0]


# On a busy machine the publisher does not keep its rate, and every other visit waits.
@pytest.mark.timeout(300)
def test_no_event_is_lost_between_a_page_and_its_stream(site, publisher, crowd):
    chance = random.Random(3)
    *names, end = new_topics(PAGES + 1)
    # What a page may show already, while a process has not read it from the log yet.
    others = new_topics(50)

    def visit(number, name):
        """Read a page, have an event published, and open the page's stream."""
        cursor = page_cursor(client)
        publisher.ask(name)
        if number % 2:
            # Otherwise the two race.
            publisher.wait()
        follow = {name, chance.choice(others), end}
        return crowd.open(asking(follow, last_event_id=cursor)), follow, cursor

    with (
        http_client(site.url, keep_alive=False) as client,
        ThreadPoolExecutor(VISITORS) as visitors,
    ):
        with publisher.steadily(RATE, lambda _: [chance.choice(others)]):
            visits = list(visitors.map(visit, range(PAGES), names))
    wait_until_live(stream for stream, *_ in visits)
    last = publisher.publish(end)
    wait_for_event((stream for stream, *_ in visits), last)

    events = published(site.database)
    assert [stream.uids for stream, *_ in visits] == [
        due(events, follow, after=cursor) for _, follow, cursor in visits
    ]
    assert not any(stream.named("reset") for stream, *_ in visits)


@pytest.fixture
def alone():
    """A site of its own, to count sockets: those of other tests may still close."""
    with (
        Site(workers=2, environment=ENVIRONMENT) as site,
        Publisher(site) as publisher,
        Crowd(site) as crowd,
    ):
        yield site, publisher, crowd


def test_slow_readers_are_closed_and_others_are_not_affected(alone):
    site, publisher, crowd = alone
    chance = random.Random(4)
    [shared, *names] = new_topics(20)
    end = names[-1]
    healthy = open_streams(crowd, HEALTHY, names, each=1, chance=chance)
    workers = site.workers()
    without_slow = total_descriptors(workers)
    slow = [
        (crowd.open(asking([shared, end]), receive_bytes=1), {shared, end})
        for _ in range(SLOW)
    ]
    wait_until_live(stream for stream, _ in slow)
    crowd.pause(*(stream for stream, _ in slow))
    memory = sum(map(resident_bytes, workers))
    most = []

    def closed():
        most.append(sum(map(resident_bytes, workers)))
        return total_descriptors(workers) <= without_slow

    with publisher.steadily(
        SLOW_RATE, lambda _: [shared, chance.choice(names[:-1])], title=LONG
    ):
        wait_for(closed, what="the slow readers to be closed")
    crowd.resume(*(stream for stream, _ in slow))
    wait_for(
        lambda: all(stream.attached > 1 for stream, _ in slow),
        what="the slow readers to reconnect",
    )

    assert_each_got_what_is_due(site, publisher, [*healthy, *slow], end)
    assert {stream.attached for stream, _ in healthy} == {1}
    assert max(most) - memory < SLOW * CLIENT_BUFFER_BYTES


def test_vanished_clients_are_closed():
    [busy, idle] = new_topics(2)
    site = Site(workers=2, environment={**ENVIRONMENT, **GONE_ENVIRONMENT})
    with (
        Network() as network,
        socket.create_server(("127.0.0.1", site.port)) as near,
        network.listen(site.port) as far,
    ):
        site.listeners = [near, far]
        with (
            site,
            Publisher(site) as publisher,
            Crowd(site) as crowd,
            Crowd(site, host=network.server) as vanishing,
        ):
            healthy = crowd.open(asking([busy]))
            wait_until_live([healthy])
            publisher.publish(busy)
            before = sockets_elsewhere(site.workers())
            streams = [
                vanishing.open(asking([topic]), make_socket=network.make_socket)
                for topic in [busy, idle] * GONE
            ]
            wait_until_live(streams)
            assert sockets_elsewhere(site.workers()) == before + len(streams)
            network.cut()
            with publisher.steadily(SLOW_RATE, lambda _: [busy]):
                wait_for(
                    lambda: sockets_elsewhere(site.workers()) == before,
                    what="the sockets to be closed",
                )
            # One for the publisher.
            assert redis_clients(site) <= most_redis_clients(site) + 1
            assert healthy.attached == 1


def test_closed_streams_leave_no_memory_and_no_descriptor(site, crowd):
    [topic] = new_topics(1)
    workers = site.workers()

    def open_and_close(count):
        streams = [crowd.open(asking([topic])) for _ in range(count)]
        wait_until_live(streams)
        connections.append(redis_clients(site))
        crowd.close(*streams)
        wait_for(lambda: held(site) == 0, what="the sockets to be closed")
        descriptors.append(total_descriptors(workers))
        memory.append(sum(map(resident_bytes, workers)))

    connections, descriptors, memory = [], [], []
    # Let each process grow to its full size, however the next streams are distributed.
    for _ in range(WARM_UPS):
        open_and_close(2 * WAVE)
    open_and_close(WAVE)
    for _ in range(WAVES):
        open_and_close(WAVE)

    assert memory[-1] <= memory[WARM_UPS] * MEMORY_TOLERANCE, memory
    assert descriptors[-1] <= descriptors[WARM_UPS] * TOLERANCE, descriptors
    assert max(connections) <= most_redis_clients(site)
