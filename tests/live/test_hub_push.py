"""A push to many connections, which pauses for other threads."""

import itertools
import threading

import pytest

from notifications.lib.pacer import Pacer
from notifications.lib.time_slice import ITEMS_PER_CLOCK_READ, TimeSlicer
from notifications.live.connection import State
from notifications.live.hub import ROUTE_CONNECTIONS, Hub
from notifications.live.transports import QueueTransport
from notifications.protocol import frames
from tests.live.helpers import (
    append_end,
    append_follow,
    append_many,
    attach,
    cursors,
    names,
    received,
)
from tests.system.server import wait_for

# Enough connections for several pauses in one push.
MANY = 5 * ITEMS_PER_CLOCK_READ


@pytest.fixture(params=[ROUTE_CONNECTIONS, 1], ids=["one round", "several rounds"])
def pausing(log, request, monkeypatch):
    """A hub that pauses as often as possible, and the work to do in each pause."""
    monkeypatch.setattr("notifications.live.hub.ROUTE_CONNECTIONS", request.param)
    work = []
    # Each reading of the clock is one second after the last.
    time_slicer = TimeSlicer(
        pause=lambda: work and work.pop(0)(), clock=itertools.count().__next__
    )
    hub = Hub(log, time_slicer=time_slicer)
    hub.ensure_started()
    yield hub, work
    hub.stop()


def waiting_cursors(connection):
    """Return the cursors of all waiting frames, in order."""
    return cursors(connection.transport.take(seconds=0))


def test_client_that_connects_during_a_push_gets_each_event_once(log, pausing):
    hub, work = pausing
    seen = append_follow(log, "nobody", "topic:a", "follow")
    wait_for(lambda: hub.delivered_up_to == seen, what="the hub")
    before = [attach(hub, requested_topics=["topic:a"])[0] for _ in range(MANY)]
    connected = []

    def connect():
        for after in (seen, None):
            connection, missed = attach(hub, requested_topics=["topic:a"], after=after)
            live = [each.cursor for each in missed if b"event: tick" in each.body]
            connected.append((after, connection, live))

    work += [connect] * (MANY // ITEMS_PER_CLOCK_READ)
    pushed = append_many(log, 5, "topic:a")
    wait_for(lambda: hub.delivered_up_to == pushed[-1], what="the push")
    later = append_many(log, 5, "topic:a")
    wait_for(lambda: hub.delivered_up_to == later[-1], what="the push")

    assert work == []
    assert len(connected) == 2 * (MANY // ITEMS_PER_CLOCK_READ)
    assert [waiting_cursors(each) for each in before] == [[*pushed, *later]] * MANY
    for after, connection, missed in connected:
        got = missed + waiting_cursors(connection)
        expected = [*pushed, *later]
        # Without a cursor, it gets the events after it connected.
        assert got == (expected if after else expected[len(expected) - len(got) :])
        assert got[-5:] == later


def test_client_that_leaves_during_a_push_does_not_affect_others(log, pausing):
    hub, work = pausing
    several = [attach(hub, requested_topics=["topic:a"])[0] for _ in range(MANY)]
    leaving = several[::3]
    staying = [each for each in several if each not in leaving]

    def leave():
        for connection in leaving:
            hub.detach(connection)

    work.append(leave)
    pushed = append_many(log, 5, "topic:a")
    wait_for(lambda: hub.delivered_up_to == pushed[-1], what="the push")

    assert [waiting_cursors(each) for each in staying] == [pushed] * len(staying)
    for connection in leaving:
        got = waiting_cursors(connection)
        assert got == pushed[: len(got)]
    assert hub.connection_count == len(staying)


def test_end_entry_during_a_push_takes_effect_after_it(log, pausing):
    hub, work = pausing
    several = [
        attach(hub, requested_topics=["topic:a"], user="7")[0] for _ in range(MANY)
    ]
    ended = []
    work.append(lambda: ended.append(append_end(log, "7")))

    [pushed] = append_many(log, 1, "topic:a")

    wait_for(lambda: ended and hub.delivered_up_to == ended[0], what="the end")
    assert pushed < ended[0]
    assert {each.close_reason for each in several} == {"signed_out"}


def test_heartbeat_has_no_cursor_during_a_push(log, pausing):
    hub, work = pausing
    several = [attach(hub, requested_topics=["topic:a"])[0] for _ in range(MANY)]
    heartbeats = []
    work.append(lambda: heartbeats.append(hub.heartbeat(several[0])))

    [pushed] = append_many(log, 1, "topic:a")
    wait_for(lambda: hub.delivered_up_to == pushed, what="the push")

    assert heartbeats[0].frames == (frames.heartbeat(),)
    assert hub.heartbeat(several[0]).frames == (frames.heartbeat(pushed),)
    assert hub.heartbeat(several[0]) is hub.heartbeat(several[1])


def test_gap_is_declared_to_every_connection(log, pausing, redis_client, settings):
    hub, work = pausing
    several = [attach(hub, requested_topics=["topic:a"])[0] for _ in range(MANY)]
    work.append(lambda: [hub.detach(each) for each in several[-10:]])
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    redis_client.delete(f"{{{prefix}}}:log")

    staying = several[:-10]
    wait_for(lambda: all(each.close_reason for each in staying), what="the gap")
    # Some of the connections that left may have been notified before.
    assert {each.close_reason for each in staying} == {"gap"}
    assert all(names(each.transport.take(seconds=0)) == ["reset"] for each in staying)


class CountingQueue(QueueTransport):
    """A queue that records how many frames each push has."""

    def __init__(self):
        super().__init__()
        self.pushed = []

    def push(self, batch):
        self.pushed.append(len(batch.frames))
        return super().push(batch)


def test_events_that_come_while_the_hub_pauses_are_pushed_together(log):
    pauses, proceed = threading.Event(), threading.Event()

    def wait(seconds):
        pauses.set()
        assert proceed.wait(30)

    hub = Hub(log, pacer=Pacer(wait, seconds=1, limit=100, clock=lambda: 0))
    hub.ensure_started()
    queue = CountingQueue()
    attach(hub, requested_topics=["topic:a"], transport=queue)
    append_many(log, 2, "topic:a")
    assert pauses.wait(30)
    found = [append_many(log, 1, "topic:a") for _ in range(3)]

    proceed.set()

    wait_for(lambda: hub.delivered_up_to == found[-1][0], what="the push")
    hub.stop()
    assert queue.pushed in ([2, 3], [1, 1, 3])


class BrokenTransport(QueueTransport):
    """A transport with a bug, which counts its pushes."""

    def __init__(self):
        super().__init__()
        self.pushes = 0

    def push(self, batch):
        self.pushes += 1
        raise RuntimeError("a bug")

    def close(self, reason, *, drain):
        raise RuntimeError("a bug")


def test_error_in_a_transport_ends_its_stream_and_no_other(hub, append, caplog):
    broken = BrokenTransport()
    several = [
        attach(hub, requested_topics=["topic:a"], transport=transport)[0]
        for transport in (None, broken, None)
    ]

    pushed = [append("topic:a"), append("topic:a")]

    assert received(several[0], 2) == pushed
    assert received(several[2], 2) == pushed
    assert [each.state for each in several] == [State.OPEN, State.CLOSED, State.OPEN]
    assert caplog.text.count("RuntimeError: a bug") == broken.pushes


def test_error_while_a_connection_is_closed_ends_no_other(hub, log, append):
    broken, _ = attach(hub, user="7", transport=BrokenTransport())
    other, _ = attach(hub, requested_topics=["topic:a"])

    append_end(log, "7")
    pushed = append("topic:a")

    assert received(other, 1) == [pushed]
    assert broken.state is State.CLOSED
