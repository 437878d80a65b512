import re

import pytest

from notifications.live.connection import Connection
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch, Frame
from notifications.streams.drain import MIN_RETRY_SECONDS, STEP_SECONDS, drain

RETRY_INTERVAL = 3.0
SECONDS = 2.0
STEPS = round(SECONDS / STEP_SECONDS)


@pytest.fixture(autouse=True)
def retry_interval(settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "RETRY_INTERVAL": RETRY_INTERVAL,
    }


class Process:
    """Streams, a clock that runs only while somebody sleeps, and who ended when."""

    def __init__(self, count):
        self.now = 0.0
        self.streams = [Connection() for _ in range(count)]
        # How many were ended by each moment at which somebody slept.
        self.ended = [0]
        self.arrivals = {}

    def sleep(self, seconds):
        self.ended.append(sum(each.close_reason == "stopped" for each in self.streams))
        self.now += seconds
        self.streams += self.arrivals.pop(len(self.ended) - 1, [])

    def drain(self, seconds=SECONDS):
        drain(
            lambda: self.streams,
            seconds=seconds,
            clock=lambda: self.now,
            sleep=self.sleep,
        )

    @property
    def at_each_step(self):
        return [b - a for a, b in zip(self.ended, self.ended[1:], strict=False)]


def written(connection):
    """Return what waits for a client."""
    return b"".join(frame.body for frame in connection.transport.take(seconds=0))


def retry(connection):
    """Return how long a client was told to wait, in seconds."""
    return int(re.fullmatch(rb"retry: (\d+)\n\n", written(connection))[1]) / 1000


def test_all_are_ended_in_time():
    process = Process(1_000)

    process.drain()

    assert {each.close_reason for each in process.streams} == {"stopped"}
    assert process.now == pytest.approx(SECONDS)


def test_the_ends_are_spread_evenly():
    process = Process(100 * STEPS)

    process.drain()

    assert len(process.at_each_step) == STEPS
    assert all(95 <= count <= 105 for count in process.at_each_step)


def test_they_are_ended_in_no_order_of_their_coming():
    process = Process(1_000)
    order = []

    class Watched(Connection):
        def close(self, reason, *, drain=False):
            order.append(process.streams.index(self))
            super().close(reason, drain=drain)

    process.streams = [Watched() for _ in range(200)]

    process.drain()

    assert sorted(order) == list(range(200))
    assert order != sorted(order)


def test_a_few_take_no_longer_than_they_need():
    process = Process(1)

    process.drain()

    assert process.now <= STEP_SECONDS


def test_of_none_there_is_nothing_to_wait_for():
    process = Process(0)

    process.drain()

    assert process.now == 0


def test_those_that_come_meanwhile_are_ended_too():
    process = Process(400)
    late = [Connection() for _ in range(400)]
    process.arrivals = {STEPS // 2: late}

    process.drain()

    assert {each.close_reason for each in late} == {"stopped"}
    assert process.now == pytest.approx(SECONDS)
    assert max(process.at_each_step) <= 3 * 400 / STEPS


def test_those_that_come_when_time_is_over_are_ended_at_once():
    process = Process(400)
    late = [Connection() for _ in range(400)]
    process.arrivals = {STEPS: late}

    process.drain()

    assert {each.close_reason for each in late} == {"stopped"}
    assert process.now == pytest.approx(SECONDS + STEP_SECONDS)


def test_without_time_all_are_ended_at_once():
    process = Process(100)

    process.drain(seconds=0)

    assert process.at_each_step == [100]


def test_each_is_told_to_wait_before_it_comes_back_one_longer_than_the_other():
    process = Process(500)

    process.drain()

    told = [retry(each) for each in process.streams]
    last = MIN_RETRY_SECONDS + 2 * RETRY_INTERVAL
    assert MIN_RETRY_SECONDS <= min(told) < MIN_RETRY_SECONDS + 0.5
    assert last - 0.5 < max(told) <= last
    assert len({*told}) > 400


def test_what_waits_comes_before_the_end():
    process = Process(1)
    [stream] = process.streams
    stream.push(Batch([Frame(Cursor(1, 0), b"data: 1\n\n")]))

    process.drain()

    assert written(stream).startswith(b"data: 1\n\nretry: ")


def test_those_that_were_closed_already_are_left_alone():
    process = Process(2)
    closed, _ = process.streams
    closed.close("signed_out")

    process.drain()

    assert closed.close_reason == "signed_out"
    assert written(closed) == b""
