import threading

import pytest

from notifications.live.connection import Connection
from notifications.live.transports import ENDED, QueueTransport
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch, Frame
from tests.clients import Queued, Written, needs_epoll

LIMIT = 65_536
# More than any buffer holds.
HUGE = b"x" * 1_000_000


def frame(number, body=b""):
    return Frame(Cursor(number, 0), body or b"data: %d\n\n" % number)


def batch(*frames):
    return Batch(frames)


def taken(queue):
    return [each.cursor.milliseconds for each in queue.take(seconds=0)]


# What every outlet does, whoever writes.


@pytest.fixture(params=["queue", pytest.param("socket", marks=needs_epoll)])
def end(request, settings):
    """An outlet, and what its client reads."""
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "CLIENT_BUFFER_BYTES": LIMIT}
    connection = Connection()
    if request.param == "queue":
        end = Queued(connection, buffer_bytes=LIMIT)
    else:
        end = Written(connection)
    yield end
    end.close()


def test_what_is_pushed_comes_in_order(end):
    end.transport.push(batch(frame(1), frame(2)))
    end.transport.push(batch(frame(3)))

    assert end.read() == b"data: 1\n\ndata: 2\n\ndata: 3\n\n"
    assert end.read() == b""


def test_much_at_once_is_never_too_much(end):
    assert end.transport.push(batch(frame(1, HUGE)))

    assert end.read() == HUGE


def test_more_for_who_is_too_far_behind_is_refused(end):
    end.transport.push(batch(frame(1, HUGE)))

    assert not end.transport.push(batch(frame(2)))
    assert end.read() == HUGE


def test_who_has_caught_up_is_sent_more(end):
    end.transport.push(batch(frame(1, HUGE)))
    end.read()

    assert end.transport.push(batch(frame(2)))
    assert end.read() == b"data: 2\n\n"


def test_what_comes_after_the_end_is_ignored(end):
    end.transport.close("stopped", drain=True)

    assert end.transport.push(batch(frame(1)))
    assert b"data: 1" not in end.read()


def test_what_waits_is_drained_if_so_wanted(end):
    end.transport.push(batch(frame(1, b"x" * LIMIT)))
    end.transport.push(batch(frame(2)))

    end.transport.close("stopped", drain=True)

    assert end.read().startswith(b"x" * LIMIT + b"data: 2\n\n")


def test_what_waits_is_dropped_otherwise(end):
    end.transport.push(batch(frame(1, b"x" * LIMIT)))
    end.transport.push(batch(frame(2)))

    end.transport.close("signed_out", drain=False)

    assert b"data: 2" not in end.read()


def test_closing_again_changes_nothing(end):
    end.transport.push(batch(frame(1)))
    end.transport.close("stopped", drain=True)

    end.transport.close("stopped", drain=True)

    assert end.read().count(b"data: 1\n\n") == 1


def test_a_client_that_is_there_is_not_gone(end):
    assert not end.transport.is_gone()


def test_a_client_that_sent_something_is_not_gone(end):
    end.client.socket.send(b"x")

    assert not end.transport.is_gone()


def test_a_client_that_left_is_gone(end):
    end.client.socket.close()

    assert end.transport.is_gone()


def test_aborting_ends_the_link_whatever_waits(end):
    end.transport.push(batch(frame(1, HUGE)))

    end.transport.abort()
    end.transport.abort()

    end.client.read()
    assert end.client.ended


# What the queue alone does.


def test_taking_waits_for_a_frame():
    queue = QueueTransport()
    pusher = threading.Thread(target=queue.push, args=[batch(frame(1))])
    pusher.start()

    assert queue.take(seconds=30)
    pusher.join()


def test_taking_waits_no_longer_than_it_is_told():
    assert QueueTransport().take(seconds=0.01) == []


def test_closing_wakes_who_waits():
    queue = QueueTransport()
    closer = threading.Thread(
        target=queue.close, args=["stopped"], kwargs={"drain": True}
    )
    closer.start()

    assert queue.take(seconds=30) == []
    closer.join()


def test_a_queue_that_is_just_full_takes_more():
    queue = QueueTransport(buffer_bytes=1_024)
    queue.push(batch(frame(1, b"x" * 1_024)))

    assert queue.push(batch(frame(2)))
    assert taken(queue) == [1, 2]


def test_what_is_being_written_still_counts():
    queue = QueueTransport(buffer_bytes=1_024)
    queue.push(batch(frame(1, b"x" * 600)))
    taken(queue)
    queue.push(batch(frame(2, b"x" * 600)))

    assert not queue.push(batch(frame(3)))


def test_what_was_written_no_longer_counts():
    queue = QueueTransport(buffer_bytes=1_024)
    for number in range(5):
        assert queue.push(batch(frame(number, b"x" * 1_000)))
        taken(queue)
        taken(queue)


# Where everything has ended.


def test_what_has_ended_ignores_what_comes():
    ENDED.close("stopped", drain=True)
    ENDED.abort()

    assert ENDED.push(batch(frame(1)))
    assert ENDED.is_gone()
