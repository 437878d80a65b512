import threading

import pytest

from notifications.live.connection import Connection
from notifications.live.transports import ENDED, QueueTransport
from notifications.protocol.frames import Batch
from tests.clients import (
    BUFFER_BYTES,
    QueueEndpoint,
    SocketEndpoint,
    frame,
    needs_epoll,
)

# More than any buffer holds.
HUGE = b"x" * 1_000_000


def batch(*frames):
    return Batch(frames)


def taken(queue):
    return [each.cursor.milliseconds for each in queue.take(seconds=0)]


# Every transport.


@pytest.fixture(params=["queue", pytest.param("socket", marks=needs_epoll)])
def endpoint(request, settings):
    """A transport and its client."""
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "CLIENT_BUFFER_BYTES": BUFFER_BYTES,
    }
    connection = Connection()
    if request.param == "queue":
        endpoint = QueueEndpoint(connection, buffer_bytes=BUFFER_BYTES)
    else:
        endpoint = SocketEndpoint(connection)
    yield endpoint
    endpoint.close()


def test_pushed_frames_arrive_in_order(endpoint):
    endpoint.transport.push(batch(frame(1), frame(2)))
    endpoint.transport.push(batch(frame(3)))

    assert endpoint.read() == b"data: 1\n\ndata: 2\n\ndata: 3\n\n"
    assert endpoint.read() == b""


def test_single_large_batch_is_accepted(endpoint):
    assert endpoint.transport.push(batch(frame(1, HUGE)))

    assert endpoint.read() == HUGE


def test_push_to_a_client_that_is_too_far_behind_is_refused(endpoint):
    endpoint.transport.push(batch(frame(1, HUGE)))

    assert not endpoint.transport.push(batch(frame(2)))
    assert endpoint.read() == HUGE


def test_client_that_has_caught_up_is_sent_more(endpoint):
    endpoint.transport.push(batch(frame(1, HUGE)))
    endpoint.read()

    assert endpoint.transport.push(batch(frame(2)))
    assert endpoint.read() == b"data: 2\n\n"


def test_push_after_close_is_ignored(endpoint):
    endpoint.transport.close("stopped", drain=True)

    assert endpoint.transport.push(batch(frame(1)))
    assert b"data: 1" not in endpoint.read()


def test_close_with_drain_sends_the_waiting_frames(endpoint):
    endpoint.transport.push(batch(frame(1, b"x" * BUFFER_BYTES)))
    endpoint.transport.push(batch(frame(2)))

    endpoint.transport.close("stopped", drain=True)

    assert endpoint.read().startswith(b"x" * BUFFER_BYTES + b"data: 2\n\n")


def test_close_without_drain_drops_the_waiting_frames(endpoint):
    endpoint.transport.push(batch(frame(1, b"x" * BUFFER_BYTES)))
    endpoint.transport.push(batch(frame(2)))

    endpoint.transport.close("signed_out", drain=False)

    assert b"data: 2" not in endpoint.read()


def test_second_close_changes_nothing(endpoint):
    endpoint.transport.push(batch(frame(1)))
    endpoint.transport.close("stopped", drain=True)

    endpoint.transport.close("stopped", drain=True)

    assert endpoint.read().count(b"data: 1\n\n") == 1


def test_connected_client_is_not_gone(endpoint):
    assert not endpoint.transport.is_gone()


def test_client_that_sent_data_is_not_gone(endpoint):
    endpoint.client.socket.send(b"x")

    assert not endpoint.transport.is_gone()


def test_client_that_left_is_gone(endpoint):
    endpoint.client.socket.close()

    assert endpoint.transport.is_gone()


def test_abort_ends_the_link_despite_waiting_frames(endpoint):
    endpoint.transport.push(batch(frame(1, HUGE)))

    endpoint.transport.abort()
    endpoint.transport.abort()

    endpoint.client.read()
    assert endpoint.client.ended


# The queue.


def test_take_waits_for_a_frame():
    queue = QueueTransport()
    pusher = threading.Thread(target=queue.push, args=[batch(frame(1))])
    pusher.start()

    assert queue.take(seconds=30)
    pusher.join()


def test_take_waits_no_longer_than_its_timeout():
    assert QueueTransport().take(seconds=0.01) == []


def test_close_wakes_a_waiting_take():
    queue = QueueTransport()
    closer = threading.Thread(
        target=queue.close, args=["stopped"], kwargs={"drain": True}
    )
    closer.start()

    assert queue.take(seconds=30) == []
    closer.join()


def test_queue_at_its_limit_accepts_one_more_batch():
    queue = QueueTransport(buffer_bytes=1_024)
    queue.push(batch(frame(1, b"x" * 1_024)))

    assert queue.push(batch(frame(2)))
    assert taken(queue) == [1, 2]


def test_taken_frames_count_until_the_next_take():
    queue = QueueTransport(buffer_bytes=1_024)
    queue.push(batch(frame(1, b"x" * 600)))
    taken(queue)
    queue.push(batch(frame(2, b"x" * 600)))

    assert not queue.push(batch(frame(3)))


def test_written_frames_do_not_count():
    queue = QueueTransport(buffer_bytes=1_024)
    for number in range(5):
        assert queue.push(batch(frame(number, b"x" * 1_000)))
        taken(queue)
        taken(queue)


# After the end.


def test_ended_transport_ignores_everything():
    ENDED.close("stopped", drain=True)
    ENDED.abort()

    assert ENDED.push(batch(frame(1)))
    assert ENDED.is_gone()
