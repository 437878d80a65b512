import uuid

import pytest

from notifications.live.connection import Connection, State
from notifications.live.hub import shared_hub
from notifications.live.metrics import Metrics, shared_metrics
from notifications.live.transports import QueueTransport
from notifications.protocol import entries, frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch, Frame
from tests.system.server import wait_for


@pytest.fixture
def counted():
    """The metrics that the hub and the connections use, from zero."""
    shared_metrics.cache_clear()
    yield shared_metrics()
    shared_metrics.cache_clear()


def frame(milliseconds):
    return Frame(Cursor(milliseconds, 0), b"", type="tick")


def test_events_are_counted_once_and_deliveries_per_connection():
    metrics = Metrics()
    first, second = frame(1), frame(2)
    fan_outs = [(Batch([first, second]), ["a", "b"]), (Batch([second]), ["c"])]

    metrics.pushed([first, second], fan_outs)
    metrics.pushed([frame(3)], [])

    assert (metrics.events, metrics.deliveries) == (3, 5)


def test_unseen_count_is_not_a_delivery():
    metrics = Metrics()
    event = frame(1)

    metrics.pushed([event], [(Batch([event, frames.count(1, event.cursor)]), ["a"])])

    assert metrics.deliveries == 1


def test_lag_is_how_long_the_first_frame_of_the_last_push_waited():
    now = [10.0]
    metrics = Metrics(clock=lambda: now[0])

    metrics.pushed([frame(9_750), frame(9_900)], [])

    assert metrics.lag == 250


def test_lag_is_never_negative():
    metrics = Metrics(clock=lambda: 1.0)

    metrics.pushed([frame(1_500)], [])

    assert metrics.lag == 0


def test_empty_push_changes_nothing():
    metrics = Metrics()

    metrics.pushed([], [])

    assert (metrics.events, metrics.deliveries, metrics.lag) == (0, 0, None)


def test_slow_closes_are_counted():
    metrics = Metrics()

    metrics.closed_slow()
    metrics.closed_slow()

    assert metrics.slow_closes == 2


def test_hub_counts_its_pushes(log, counted):
    hub = shared_hub()
    hub.ensure_started()
    position = hub.position
    for topics in (["a:1"], ["a:1", "b:1"], ["c:1"]):
        hub.attach(Connection(requested_topics=topics), after=None, as_of=position)

    append(log, "a:1")
    append(log, "b:1")
    append(log, "z:1")

    wait_for(lambda: counted.events == 3, what="three events")
    # It may still be counting.
    hub.stop()
    assert counted.deliveries == 3
    assert 0 <= counted.lag < 60_000


def append(log, *topics):
    uid = uuid.uuid4().hex
    entry = entries.EventEntry(uid=uid, type="tick", topics=topics, data="{}")
    log.append([(uid, entries.encode(entry))])


def test_slow_connection_is_counted_once(counted):
    connection = Connection(transport=QueueTransport(buffer_bytes=1))
    batch = Batch([Frame(Cursor(1, 0), b"more than that")])

    for _ in range(4):
        connection.push(batch)

    assert connection.state is State.CLOSED
    assert counted.slow_closes == 1


def test_connection_closed_for_another_reason_is_not_counted(counted):
    connection = Connection()
    connection.close("expired")

    connection.push(Batch([frame(1)]))

    assert counted.slow_closes == 0
