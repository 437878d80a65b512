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
    """A process with streams, and a clock that advances only in `sleep`."""

    def __init__(self, count):
        self.now = 0.0
        self.streams = [Connection() for _ in range(count)]
        # How many streams had ended at each call of `sleep`.
        self.ended = [0]
        self.opened_at_step = {}

    def sleep(self, seconds):
        self.ended.append(sum(each.close_reason == "stopped" for each in self.streams))
        self.now += seconds
        self.streams += self.opened_at_step.pop(len(self.ended) - 1, [])

    def drain(self, seconds=SECONDS):
        drain(
            lambda: self.streams,
            seconds=seconds,
            clock=lambda: self.now,
            sleep=self.sleep,
        )

    @property
    def ended_per_step(self):
        return [b - a for a, b in zip(self.ended, self.ended[1:], strict=False)]


def written(connection):
    """Return the bytes that wait for a client."""
    return b"".join(frame.body for frame in connection.transport.take(seconds=0))


def retry(connection):
    """Return the retry interval that a client was sent, in seconds."""
    return int(re.fullmatch(rb"retry: (\d+)\n", written(connection))[1]) / 1000


def test_all_streams_end_in_time():
    process = Process(1_000)

    process.drain()

    assert {each.close_reason for each in process.streams} == {"stopped"}
    assert process.now == pytest.approx(SECONDS)


def test_ends_are_spread_evenly():
    process = Process(100 * STEPS)

    process.drain()

    assert len(process.ended_per_step) == STEPS
    assert all(95 <= count <= 105 for count in process.ended_per_step)


def test_streams_end_in_random_order():
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


def test_one_stream_ends_in_one_step():
    process = Process(1)

    process.drain()

    assert process.now <= STEP_SECONDS


def test_drain_without_streams_does_not_wait():
    process = Process(0)

    process.drain()

    assert process.now == 0


def test_streams_opened_during_the_drain_end_too():
    process = Process(400)
    late = [Connection() for _ in range(400)]
    process.opened_at_step = {STEPS // 2: late}

    process.drain()

    assert {each.close_reason for each in late} == {"stopped"}
    assert process.now == pytest.approx(SECONDS)
    assert max(process.ended_per_step) <= 3 * 400 / STEPS


def test_streams_opened_after_the_deadline_end_at_once():
    process = Process(400)
    late = [Connection() for _ in range(400)]
    process.opened_at_step = {STEPS: late}

    process.drain()

    assert {each.close_reason for each in late} == {"stopped"}
    assert process.now == pytest.approx(SECONDS + STEP_SECONDS)


def test_without_a_timeout_all_streams_end_at_once():
    process = Process(100)

    process.drain(seconds=0)

    assert process.ended_per_step == [100]


def test_retry_intervals_differ_between_clients():
    process = Process(500)

    process.drain()

    retries = [retry(each) for each in process.streams]
    longest = MIN_RETRY_SECONDS + 2 * RETRY_INTERVAL
    assert MIN_RETRY_SECONDS <= min(retries) < MIN_RETRY_SECONDS + 0.5
    assert longest - 0.5 < max(retries) <= longest
    assert len({*retries}) > 400


def test_waiting_frames_are_sent_before_the_end():
    process = Process(1)
    [stream] = process.streams
    stream.push(Batch([Frame(Cursor(1, 0), b"data: 1\n\n")]))

    process.drain()

    assert written(stream).startswith(b"data: 1\n\nretry: ")


def test_closed_streams_are_not_closed_again():
    process = Process(2)
    closed, _ = process.streams
    closed.close("signed_out")

    process.drain()

    assert closed.close_reason == "signed_out"
    assert written(closed) == b""
