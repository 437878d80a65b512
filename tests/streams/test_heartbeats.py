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
HEARTBEAT = Batch([Frame(Cursor(1, 0), b"heartbeat\n\n")])
EVENT = Batch([Frame(Cursor(1, 0), b"event\n\n")])


@pytest.fixture(autouse=True)
def interval(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "HEARTBEAT_INTERVAL": INTERVAL}


class Transport(QueueTransport):
    """A queue that records when batches were pushed, and calls of `abort`."""

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
    """A clock that sends the due heartbeats with every tick."""

    def __init__(self):
        # In the middle of a tick: at its start, a float may be on either side.
        self.now = 1_000.5 * TICK_SECONDS
        self.heartbeats = Heartbeats(
            lambda connection: HEARTBEAT,
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

    def advance(self, seconds):
        for _ in range(round(seconds / TICK_SECONDS)):
            self.now += TICK_SECONDS
            self.heartbeats.send_due()


@pytest.fixture
def time():
    return Time()


def intervals(moments):
    return [b - a for a, b in itertools.pairwise(moments)]


def test_connections_added_together_are_not_due_together(time):
    random.seed(3)
    start = time.now
    connections = [time.add() for _ in range(15_000)]

    time.advance(INTERVAL + 2 * TICK_SECONDS)

    first = [each.transport.pushed[0] - start for each in connections]
    by_second = Counter(int(moment) for moment in first)
    assert max(first) <= INTERVAL + 2 * TICK_SECONDS
    assert all(850 <= by_second[second] <= 1_150 for second in range(int(INTERVAL)))
    assert max(Counter(first).values()) <= 300


def test_each_connection_gets_one_heartbeat_per_interval(time):
    connections = [time.add() for _ in range(50)]
    start = time.now

    time.advance(20 * INTERVAL)

    for connection in connections:
        waited = intervals([start, *connection.transport.pushed])
        assert len(waited) >= 19
        assert max(waited) <= INTERVAL + 2 * TICK_SECONDS
        assert min(waited[1:]) >= INTERVAL - TICK_SECONDS


def test_connection_that_is_pushed_to_often_gets_no_heartbeat(time):
    connection = time.add()
    time.advance(INTERVAL)
    heartbeats = len(connection.transport.pushed)

    for _ in range(20):
        connection.push(EVENT)
        time.advance(INTERVAL / 2 - 2 * TICK_SECONDS)

    assert len(connection.transport.pushed) == heartbeats + 20


@pytest.mark.parametrize("pause", [0.6, 0.9, 1.3, 2.1, 3.7])
def test_connection_is_never_silent_for_longer_than_an_interval(time, pause):
    connection = time.add()
    start = time.now

    for _ in range(50):
        time.advance(pause * INTERVAL)
        connection.push(EVENT)

    waited = intervals([start, *connection.transport.pushed])
    assert max(waited) < INTERVAL + 4 * TICK_SECONDS


def test_connection_that_is_pushed_to_at_once_is_not_silent_for_longer(time):
    connections = [time.add() for _ in range(100)]
    time.advance(TICK_SECONDS)
    for each in connections:
        each.push(EVENT)

    time.advance(3 * INTERVAL)

    waited = [max(intervals(each.transport.pushed)) for each in connections]
    assert max(waited) < INTERVAL + 4 * TICK_SECONDS


def test_frames_that_the_client_has_already_do_not_replace_a_heartbeat(time):
    connection = time.add()
    time.advance(INTERVAL)
    connection.skip_until = Cursor(5, 0)
    heartbeats = len(connection.transport.pushed)

    for _ in range(10):
        connection.push(EVENT)
        time.advance(INTERVAL / 2 - 2 * TICK_SECONDS)

    assert len(connection.transport.pushed) >= heartbeats + 4


def test_spread_heartbeats_stay_spread(time):
    random.seed(3)
    connections = [time.add() for _ in range(3_000)]
    time.advance(10 * INTERVAL)
    before = time.now

    time.advance(INTERVAL + 2 * TICK_SECONDS)

    by_tick = Counter(
        moment
        for each in connections
        for moment in each.transport.pushed
        if moment > before
    )
    assert max(by_tick.values()) <= 80


def test_late_call_sends_all_due_heartbeats(time):
    connections = [time.add() for _ in range(100)]

    time.now += INTERVAL + 2 * TICK_SECONDS
    time.heartbeats.send_due()

    assert [len(each.transport.pushed) for each in connections] == [1] * 100


def test_call_without_due_connections_does_nothing(time):
    time.heartbeats.send_due()
    time.advance(INTERVAL)
    connection = time.add()

    time.heartbeats.send_due()

    assert connection.transport.pushed == []


@pytest.mark.parametrize("seconds", [0.01, 1, 14.99, 15, 40.02, 100])
def test_expired_connection_is_closed_within_two_ticks(time, seconds):
    connection = time.add(seconds=seconds)

    time.advance(seconds - TICK_SECONDS)
    assert connection.state is State.OPEN
    time.advance(3 * TICK_SECONDS)

    assert connection.close_reason == "expired"


def test_expired_connection_gets_its_waiting_frames_and_no_heartbeat(time, monkeypatch):
    # Not a first heartbeat before it expires.
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    connection = time.add(seconds=0.5)
    connection.push(Batch([Frame(Cursor(1, 0), b"data: 1\n\n")]))

    time.advance(1)

    assert connection.close_reason == "expired"
    assert [each.body for each in connection.transport.take(seconds=0)] == [
        b"data: 1\n\n"
    ]


def test_closed_connection_is_aborted_after_an_interval(time):
    connection = time.add(seconds=20)
    time.advance(21)
    assert (connection.close_reason, connection.transport.aborted) == ("expired", 0)

    time.advance(INTERVAL - 2)
    assert connection.transport.aborted == 0
    time.advance(3)

    assert connection.transport.aborted == 1


def test_connection_closed_elsewhere_is_aborted_and_sent_nothing(time):
    connection = time.add()
    connection.close("signed_out")

    time.advance(3 * INTERVAL)

    assert connection.transport.aborted == 1
    assert connection.transport.pushed == []


def test_ended_connections_are_not_kept(time):
    for connection in [time.add() for _ in range(100)]:
        connection.close("detached")
        connection.transport = ENDED

    time.advance(INTERVAL + 2 * TICK_SECONDS)

    assert sum(map(len, time.heartbeats._due.values())) == 0
    assert len(time.heartbeats._due) == 0


def test_open_connections_are_kept_once(time):
    connections = [time.add() for _ in range(100)]

    time.advance(5 * INTERVAL)

    kept = list(itertools.chain.from_iterable(time.heartbeats._due.values()))
    assert sorted(map(id, kept)) == sorted(map(id, connections))
    assert len(time.heartbeats._due) <= TICKS + 2


def test_connection_too_slow_for_a_heartbeat_is_closed(time):
    connection = Connection(transport=QueueTransport(buffer_bytes=10), clock=time)
    connection.push(Batch([Frame(Cursor(1, 0), b"x" * 11)]))
    time.heartbeats.add(connection)

    time.advance(2 * INTERVAL)

    assert connection.close_reason == "slow"


# The cursor of a heartbeat.


def test_connections_at_one_cursor_share_one_heartbeat(log):
    shared_hub().ensure_started()

    one, two = heartbeat_for(Connection()), heartbeat_for(Connection())

    assert one is two
    assert one.frames == (frames.heartbeat(shared_hub().delivered_up_to),)


def test_heartbeat_has_the_cursor_of_a_page_that_is_ahead(log):
    shared_hub().ensure_started()
    position = shared_hub().position
    further = Cursor(position.milliseconds + 1, 0)

    batch = heartbeat_for(Connection(skip_until=further))

    assert batch.frames == (frames.heartbeat(further),)


def test_heartbeat_for_channels_has_no_cursor(log):
    assert heartbeat_for(Connection(channels=["sse"])).frames == (frames.heartbeat(),)
