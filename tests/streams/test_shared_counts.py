"""Limits that several processes share; each is an admission with counts of its own."""

import pytest

from notifications.exceptions import TooManyStreams
from notifications.live.connection import Connection
from notifications.live.subscriber import Subscriber
from notifications.log import stream_counts
from notifications.streams.admission import Admission
from notifications.streams.shared_counts import REPORT_SECONDS, SharedCounts

LIMIT = 3
CLIENT = "10.0.0.1"
# Longer than a test takes on the slowest machine: Redis has a clock of its own.
LIFETIME_MS = 600_000


class Process:
    """A process that admits streams, and whose thread runs when the test says so."""

    def __init__(self, log):
        self.now = 0.0
        self.admission = Admission()
        self.admission.shared = SharedCounts(
            log.stream_counts(), self.admission, clock=lambda: self.now
        )

    def enter(self, *, user="", address=CLIENT):
        connection = Connection(Subscriber(user=user))
        self.admission.enter(connection, address=address)
        return connection

    def admits(self, **client):
        """Let streams enter until one is refused; return how many were admitted."""
        for number in range(LIMIT + 1):
            try:
                self.enter(**client)
            except TooManyStreams:
                return number
        raise AssertionError("no limit")

    @property
    def name(self):
        return self.admission.shared._process

    def report(self):
        """Report and set all that has changed, as a second later."""
        self.now += REPORT_SECONDS
        self.set()

    def set(self):
        self.admission.shared.update()


@pytest.fixture(autouse=True)
def limits(settings, monkeypatch):
    monkeypatch.setattr(stream_counts, "PROCESS_LIFETIME_MS", LIFETIME_MS)
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "MAX_STREAMS_PER_PERSON": LIMIT,
        "MAX_STREAMS_PER_ADDRESS": LIMIT,
    }


@pytest.fixture
def processes(log):
    """Two processes that know of each other."""
    one, other = Process(log), Process(log)
    for each in (one, other, one):
        each.report()
    return one, other


@pytest.fixture
def kept(redis_client, settings):
    """A function that returns the keys of the counts in Redis."""
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    return lambda: redis_client.keys(f"{{{prefix}}}:streams:*")


@pytest.mark.parametrize("client", [{"user": "7"}, {"address": CLIENT}])
def test_streams_in_another_process_count(processes, client):
    one, other = processes
    one.enter(**client)
    one.enter(**client)

    assert other.admits(**client) == 1
    assert one.admits(**client) == 0
    assert one.admission.connections() != []
    assert one.admits(address="10.0.0.2") == LIMIT


def test_stream_that_leaves_another_process_makes_room(processes, kept):
    one, other = processes
    streams = [one.enter() for _ in range(LIMIT)]
    with pytest.raises(TooManyStreams, match=f"this address has {LIMIT} streams"):
        other.enter()

    for each in streams:
        one.admission.leave(each)
    one.set()

    assert kept() == []
    assert other.admits() == LIMIT


def test_refused_stream_does_not_count(processes):
    one, other = processes
    one.enter()
    one.enter()
    other.enter()
    assert other.admits() == 0
    other.set()

    left = one.admission.connections()[0]
    one.admission.leave(left)
    one.set()

    assert other.admits() == 1


def test_streams_of_a_process_that_has_ended_do_not_count(
    processes, redis_client, settings
):
    one, other = processes
    assert one.admits() == LIMIT
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    key = f"{{{prefix}}}:processes"
    assert 0 < redis_client.pttl(key) <= LIFETIME_MS

    # As if its last report was too long ago.
    for name in redis_client.zrange(key, 0, -1):
        redis_client.zincrby(key, -LIFETIME_MS, name)
    other.report()
    other.set()

    assert other.admits() == LIMIT


def test_process_that_reported_too_long_ago_does_not_count(
    processes, redis_client, settings
):
    one, other = processes
    assert one.admits() == LIMIT
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    # Before another process reports, and so removes it.
    redis_client.zincrby(f"{{{prefix}}}:processes", -LIFETIME_MS, one.name)

    assert other.admits() == LIMIT


def test_counts_of_processes_that_have_ended_are_dropped(processes, kept, redis_client):
    one, other = processes
    one.enter()
    [key] = kept()
    redis_client.hset(key, "ended", LIMIT)

    other.enter()

    names = {name.decode() for name in redis_client.hkeys(key)}
    assert names == {one.name, other.name}


def test_process_whose_counts_were_dropped_sets_them_again(
    processes, redis_client, settings
):
    one, other = processes
    one.enter()
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    # As if it had been too busy to report.
    redis_client.zrem(f"{{{prefix}}}:processes", one.name)
    other.enter()

    one.report()

    assert other.admits() == LIMIT - 2


def test_process_that_is_alone_keeps_its_counts_to_itself(log, kept):
    process = Process(log)
    process.report()

    assert process.admits() == LIMIT

    process.set()
    assert kept() == []


def test_streams_from_before_another_process_started_count(log):
    one = Process(log)
    one.report()
    one.enter()
    one.enter(user="7")
    other = Process(log)
    other.report()

    one.report()

    assert other.admits() == LIMIT - 1
    assert other.admits(user="7") == LIMIT - 1


def test_streams_that_left_while_a_process_was_alone_do_not_count(
    processes, redis_client, settings, log
):
    one, other = processes
    streams = [one.enter() for _ in range(LIMIT)]
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.zrem(f"{{{prefix}}}:processes", other.name)
    one.report()
    for each in streams:
        one.admission.leave(each)
    one.report()

    successor = Process(log)
    for each in (successor, one):
        each.report()

    assert successor.admits() == LIMIT


def test_without_redis_each_process_counts_its_own(processes, link):
    one, other = processes
    one.enter()
    link.cut()

    assert other.admits() == LIMIT
    assert one.admits() == LIMIT - 1


def test_counts_are_set_again_after_redis_was_away(processes, link):
    one, other = processes
    leaving = [one.enter(user="7") for _ in range(LIMIT)]
    link.cut()
    for each in leaving:
        one.admission.leave(each)
    assert one.admits() == LIMIT
    one.set()
    link.mend()

    one.report()

    assert other.admits() == 0
    assert other.admits(user="7") == LIMIT


def test_counts_are_set_again_when_redis_has_lost_them(processes, redis_client, kept):
    one, other = processes
    assert one.admits() == LIMIT
    prefix = kept()[0].rpartition(b":streams:")[0]
    redis_client.delete(prefix + b":processes", *kept())

    for each in (one, other, one):
        each.report()

    assert other.admits() == 0


def test_error_while_redis_is_asked_frees_the_stream(processes, monkeypatch):
    class Interrupted(BaseException):
        pass

    def fail(*arguments, **options):
        raise Interrupted

    one, _other = processes
    monkeypatch.setattr(one.admission.shared, "enter", fail)

    with pytest.raises(Interrupted):
        one.enter()

    assert one.admission.connections() == []
