"""What holds when one of two machines behind HAProxy fails, or both are replaced."""

import contextlib
import shutil
import subprocess
import time

import pytest

from notifications.lib.digests import digest
from tests import ROOT
from tests.effort import either
from tests.system.askers import NO_ANSWER
from tests.system.askers import asking as questions
from tests.system.crowd import wait_until_live
from tests.system.exactly_once import wait_for_more_events
from tests.system.faults import RESET, pending
from tests.system.machines import (
    DATABASE,
    REDIS,
    SIDES,
    Machines,
    skip_without_programs,
)
from tests.system.publisher import due, published
from tests.system.server import DEADLINE_SECONDS, wait_for
from tests.system.topics import asking

# All clients come from one address. Other settings are the defaults.
ENVIRONMENT = {
    "NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS": "1000",
    "NOTIFICATIONS_ADDRESS_HEADER": "HTTP_X_REAL_IP",
    "WEB_CONCURRENCY": str(either(1, thorough=2)),
}
TOPICS, ASKERS = 4, 2
# Of each topic: streams that name it, and people who follow it.
STREAMS_OF_TOPIC = either(2, thorough=20)
DELIVERED_SECONDS = 2 * DEADLINE_SECONDS
# How long streams may take to move to another machine. A loaded machine is not the
# fault under test.
MOVE_SECONDS = either(DEADLINE_SECONDS, thorough=10)
FOUND = 302
# How far the clock of one machine is ahead, in seconds.
AHEAD_SECONDS = 5
CLOCK = ROOT / "tests" / "system" / "clock_ahead.c"
FORGED = "192.0.2.1"
STREAM_REQUEST = f"""\
GET {{path}} HTTP/1.1\r
Host: example.org\r
Accept: text/event-stream\r
X-Real-IP: {FORGED}\r
\r
"""


@pytest.fixture(scope="module")
def site():
    skip_without_programs()
    with Machines(ENVIRONMENT) as site:
        yield site


@pytest.fixture
def topics(members):
    return members.make_topics(TOPICS)


@pytest.fixture
def streams(site, crowd, members, topics):
    """Streams of each topic, by name and by follow, on both machines."""
    found = []
    for topic in topics:
        for follower in members.join(STREAMS_OF_TOPIC):
            members.follow(follower, topic)
            found.append((topic, crowd.open(session=follower.session)))
            found.append((topic, crowd.open(asking([topic]))))
    wait_until_live(stream for _, stream in found)
    assert all(site.requests(side) for side in site.machines)
    return found


@pytest.fixture
def busy(members, topics):
    """The statuses of people who ask all the time."""
    return lambda: questions(members, members.join(ASKERS), topics)


def wait_for_more(streams):
    """Wait until each stream has received another event."""
    wait_for_more_events([each for _, each in streams], seconds=DELIVERED_SECONDS)


def wait_for_more_answers(statuses):
    """Wait until each person who asks has sent a request since, and got the answer."""
    count = len(statuses) + 2 * ASKERS
    wait_for(lambda: len(statuses) >= count, what="answers", seconds=DELIVERED_SECONDS)


def wrong(site, streams):
    """Return what is lost, double or foreign on each stream, and resets."""
    events = sorted(published(site.database), key=lambda each: each.cursor)
    found = {}
    for number, (topic, stream) in enumerate(streams):
        got, wanted = stream.uids, due(events, {topic})
        if got != wanted or stream.named(RESET):
            found[number, topic] = (
                {*wanted} - {*got}, {*got} - {*wanted}, len(got), stream.statuses
            )  # fmt: skip
    return found


def assert_each_got_everything_once(site, streams):
    wait_for(lambda: not pending(site), what="the outbox to be empty")
    # A request whose client has given up may be served yet.
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not wrong(site, streams), what="", seconds=DELIVERED_SECONDS)
    assert wrong(site, streams) == {}
    assert all(stream.uids for _, stream in streams)


@pytest.mark.parametrize("service", [REDIS, DATABASE], ids=["redis", "database"])
def test_streams_move_from_a_machine_that_is_cut_off(
    site, streams, busy, service, record_property
):
    with busy() as statuses:
        wait_for_more(streams)
        began = time.monotonic()
        with site.cut_off("a", service):
            wait_for(
                lambda: (
                    not site.is_up("a")
                    and not site.requests("a")
                    and all(stream.live for _, stream in streams)
                ),
                what="all streams on the other machine",
                seconds=MOVE_SECONDS,
            )
            record_property("seconds_to_move", time.monotonic() - began)
            wait_for_more(streams)
            wait_for_more_answers(statuses)
            since = len(statuses)
            wait_for_more_answers(statuses)
            # A transaction that was cut off may hold a lock that a request waits for.
            assert FOUND in statuses[since:]
            assert {*statuses[since:]} <= {FOUND, NO_ANSWER}
        site.wait_until_up("a")
        wait_for_more(streams)

    assert_each_got_everything_once(site, streams)


def test_rolling_deployment_loses_nothing_and_refuses_nobody(site, streams, busy):
    with busy() as statuses:
        wait_for_more(streams)
        for side in site.machines:
            with site.drained(side):
                # No request of theirs is left there.
                wait_for_more_answers(statuses)
                site.restart(side)
            site.wait_until_up(side)
            wait_for_more(streams)

    assert {*statuses} == {FOUND}
    assert_each_got_everything_once(site, streams)


@pytest.fixture
def clock_ahead(site, tmp_path):
    """The clock of one machine is ahead of those of the others."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed")
    library = tmp_path / "clock_ahead.so"
    options = ["-shared", "-fPIC", f"-DAHEAD_SECONDS={AHEAD_SECONDS}", "-o", library]
    subprocess.run([compiler, *options, CLOCK], check=True)
    machine = site.machines["b"]
    usual = machine.environment
    machine.environment = {**usual, "LD_PRELOAD": str(library)}
    site.restart("b")
    site.wait_until_up("b")
    yield
    machine.environment = usual
    site.restart("b")
    site.wait_until_up("b")


@pytest.mark.usefixtures("clock_ahead")
def test_machines_whose_clocks_differ_lose_nothing(site, crowd, streams, busy):
    with busy():
        wait_for_more(streams)
        # Each resumes on one machine or the other.
        for _, stream in streams:
            crowd.break_off(stream)
        wait_until_live(stream for _, stream in streams)
        wait_for_more(streams)

    assert_each_got_everything_once(site, streams)


def test_pages_are_served_while_no_machine_is_ready(site, members):
    [reader] = members.join(1)

    with site.cut_off("a", REDIS), site.cut_off("b", REDIS):
        wait_for(lambda: not any(map(site.is_up, SIDES)), what="no machine to be up")
        page = members.ask("GET", "/", reader)
    for side in SIDES:
        site.wait_until_up(side)

    assert page.status_code == 200


def test_streams_count_for_the_address_that_the_balancer_sees(site, client, topic):
    request = STREAM_REQUEST.format(path=asking([topic]))

    with site.connect_from("b") as sender:
        sender.sendall(request.encode())
        wait_for(lambda: client.exists(count_of(SIDES["b"])), what="the stream")

        assert not client.exists(count_of(FORGED))


def count_of(address):
    """Return the key of the number of streams of an address."""
    return f"{{notifications}}:streams:{digest(f'address:{address}')}"
