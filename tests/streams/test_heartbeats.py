import itertools
import random
from collections import Counter

import pytest

from notifications.lib.time_slice import TimeSlicer
from notifications.live.connection import Connection, State
from notifications.live.hub import shared_hub
from notifications.live.subscriber import Subscriber
from notifications.live.transports import ENDED, QueueTransport
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch, Frame
from notifications.streams.heartbeats import TICK_SECONDS, Heartbeats, heartbeat_for

INTERVAL = 15.0
TICKS = round(INTERVAL / TICK_SECONDS)
BEAT = Batch([Frame(Cursor(1, 0), b"beat\n\n")])


@pytest.fixture(autouse=True)
def interval(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "HEARTBEAT_INTERVAL": INTERVAL}


class Transport(QueueTransport):
    """A queue that notes when something came, and whether it was aborted."""

    def __init__(self, moment):
        super().__init__()
        self._moment = moment
        self.pushed = []
        self.aborted = 0

    def push(self, batch):
        self.pushed.append(self._moment())
        return super().push(batch)

    def abort(self):
        self.aborted += 1


class Time:
    """A clock in ticks, which turns the heartbeats with each."""

    def __init__(self):
        # Not at the start of a tick, where a float may be on either side.
        self.now = 1_000.5 * TICK_SECONDS
        self.heartbeats = Heartbeats(
            lambda connection: BEAT,
            time_slicer=TimeSlicer(pause=lambda: None, clock=self),
            clock=self,
        )

    def __call__(self):
        return self.now

    def add(self, *, seconds=float("inf")):
        transport = Transport(self)
        connection = Connection(Subscriber(seconds=seconds), transport, clock=self)
        self.heartbeats.add(connection)
        return connection

    def go_on(self, seconds):
        for _ in range(round(seconds / TICK_SECONDS)):
            self.now += TICK_SECONDS
            self.heartbeats.send_due()


@pytest.fixture
def time():
    return Time()


def pauses(moments):
    return [b - a for a, b in itertools.pairwise(moments)]


def test_those_that_come_at_once_are_not_due_at_once(time):
    random.seed(3)
    start = time.now
    several = [time.add() for _ in range(15_000)]

    time.go_on(INTERVAL + 2 * TICK_SECONDS)

    first = [each.transport.pushed[0] - start for each in several]
    by_second = Counter(int(moment) for moment in first)
    assert max(first) <= INTERVAL + 2 * TICK_SECONDS
    assert all(850 <= by_second[second] <= 1_150 for second in range(int(INTERVAL)))
    assert max(Counter(first).values()) <= 300


def test_each_has_one_with_every_interval_and_never_much_later(time):
    several = [time.add() for _ in range(50)]
    start = time.now

    time.go_on(20 * INTERVAL)

    for connection in several:
        waited = pauses([start, *connection.transport.pushed])
        assert len(waited) >= 19
        assert max(waited) <= INTERVAL + 2 * TICK_SECONDS
        assert min(waited[1:]) >= INTERVAL - TICK_SECONDS


def test_those_that_are_spread_stay_spread(time):
    random.seed(3)
    several = [time.add() for _ in range(3_000)]
    time.go_on(10 * INTERVAL)
    before = time.now

    time.go_on(INTERVAL + 2 * TICK_SECONDS)

    by_tick = Counter(
        moment
        for each in several
        for moment in each.transport.pushed
        if moment > before
    )
    assert max(by_tick.values()) <= 80


def test_a_turn_that_comes_late_makes_up_for_all_that_was_due(time):
    several = [time.add() for _ in range(100)]

    time.now += INTERVAL + 2 * TICK_SECONDS
    time.heartbeats.send_due()

    assert [len(each.transport.pushed) for each in several] == [1] * 100


def test_a_turn_at_which_nothing_is_due_does_nothing(time):
    time.heartbeats.send_due()
    time.go_on(INTERVAL)
    connection = time.add()

    time.heartbeats.send_due()

    assert connection.transport.pushed == []


@pytest.mark.parametrize("seconds", [0.01, 1, 14.99, 15, 40.02, 100])
def test_who_may_stay_no_longer_is_ended_within_a_tick_or_two(time, seconds):
    connection = time.add(seconds=seconds)

    time.go_on(seconds - TICK_SECONDS)
    assert connection.state is State.OPEN
    time.go_on(3 * TICK_SECONDS)

    assert connection.close_reason == "expired"


def test_who_may_stay_no_longer_gets_what_waits_and_no_heartbeat(time):
    connection = time.add(seconds=0.5)
    connection.push(Batch([Frame(Cursor(1, 0), b"data: 1\n\n")]))

    time.go_on(1)

    assert connection.close_reason == "expired"
    assert [each.body for each in connection.transport.take(seconds=0)] == [
        b"data: 1\n\n"
    ]


def test_who_is_closed_has_an_interval_to_take_what_waits_and_is_aborted_then(time):
    connection = time.add(seconds=20)
    time.go_on(21)
    assert (connection.close_reason, connection.transport.aborted) == ("expired", 0)

    time.go_on(INTERVAL - 2)
    assert connection.transport.aborted == 0
    time.go_on(3)

    assert connection.transport.aborted == 1


def test_who_was_closed_by_others_is_aborted_at_its_turn_and_sent_nothing(time):
    connection = time.add()
    connection.close("signed_out")

    time.go_on(3 * INTERVAL)

    assert connection.transport.aborted == 1
    assert connection.transport.pushed == []


def test_who_has_ended_is_forgotten(time):
    for connection in [time.add() for _ in range(100)]:
        connection.close("detached")
        connection.transport = ENDED

    time.go_on(INTERVAL + 2 * TICK_SECONDS)

    assert sum(map(len, time.heartbeats._due.values())) == 0
    assert len(time.heartbeats._due) == 0


def test_those_that_stay_are_kept_once_and_nothing_else(time):
    several = [time.add() for _ in range(100)]

    time.go_on(5 * INTERVAL)

    kept = list(itertools.chain.from_iterable(time.heartbeats._due.values()))
    assert sorted(map(id, kept)) == sorted(map(id, several))
    assert len(time.heartbeats._due) <= TICKS + 2


def test_who_is_too_slow_for_a_heartbeat_is_closed(time):
    connection = Connection(transport=QueueTransport(buffer_bytes=10), clock=time)
    connection.push(Batch([Frame(Cursor(1, 0), b"x" * 11)]))
    time.heartbeats.add(connection)

    time.go_on(INTERVAL + 2 * TICK_SECONDS)

    assert connection.close_reason == "slow"


# What a heartbeat says.


def test_those_that_are_as_far_share_one_heartbeat(log):
    shared_hub().ensure_started()

    one, two = heartbeat_for(Connection()), heartbeat_for(Connection())

    assert one is two
    assert one.frames == (frames.heartbeat(shared_hub().delivered_up_to),)


def test_who_is_further_is_told_so(log):
    shared_hub().ensure_started()
    position = shared_hub().position
    further = Cursor(position.milliseconds + 1, 0)

    batch = heartbeat_for(Connection(skip_until=further))

    assert batch.frames == (frames.heartbeat(further),)


def test_a_channel_has_no_place_in_the_log(log):
    assert heartbeat_for(Connection(channels=["sse"])).frames == (frames.heartbeat(),)
