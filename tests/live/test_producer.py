"""A site's own generator, whose events go to one connection or to many."""

import threading

import pytest

from notifications.live.connection import Connection, State
from notifications.live.producer import Producer
from notifications.live.transports import QueueTransport
from notifications.protocol import frames
from notifications.protocol.frames import Batch
from tests.system.server import wait_for


class Script:
    """Makes generators that yield what a test lets them, one item at a time."""

    def __init__(self):
        self.items = []
        self.more = threading.Condition()
        self.runs = 0
        self.closed = 0

    def give(self, *items):
        with self.more:
            self.items += items
            self.more.notify_all()

    def __call__(self):
        self.runs += 1
        try:
            while True:
                with self.more:
                    assert self.more.wait_for(lambda: self.items, timeout=10)
                    item = self.items.pop(0)
                if item is None:
                    return
                yield item
        finally:
            self.closed += 1


@pytest.fixture
def script():
    return Script()


@pytest.fixture
def producer(script):
    producer = Producer(script)
    yield producer
    script.give(None)
    wait_for(lambda: producer._audience._thread is None, what="the producer to end")


def attached(producer, **options):
    connection = Connection(channels=(), **options)
    producer.attach(connection)
    return connection


def bodies(connection):
    return [frame.body for frame in connection.transport.take(seconds=10)]


def test_one_generator_runs_for_all_connections(producer, script):
    connections = [attached(producer) for _ in range(3)]

    script.give("hello")

    assert [bodies(each) for each in connections] == [[b"data: hello\n\n"]] * 3
    assert script.runs == 1


def test_connection_gets_what_comes_after_it_attached(producer, script):
    first = attached(producer)
    script.give("one")
    bodies(first)

    second = attached(producer)
    script.give("two")

    assert bodies(second) == [b"data: two\n\n"]


def test_end_of_the_generator_ends_the_connections_after_what_waits(producer, script):
    connection = attached(producer)

    script.give("last", None)

    wait_for(lambda: connection.state is State.CLOSED, what="the end")
    assert connection.close_reason == "finished"
    assert bodies(connection) == [b"data: last\n\n"]


def test_generator_is_closed_when_all_connections_have_gone(producer, script):
    for connection in [attached(producer), attached(producer)]:
        producer.detach(connection)

    script.give("nobody listens")

    wait_for(lambda: script.closed == 1, what="the generator to be closed")


def test_next_connection_after_the_end_starts_another_generator(producer, script):
    first = attached(producer)
    script.give(None)
    wait_for(lambda: first.state is State.CLOSED, what="the end")

    second = attached(producer)
    script.give("again")

    assert bodies(second) == [b"data: again\n\n"]
    assert script.runs == 2


@pytest.mark.parametrize("item", [object(), {"bad": object()}])
def test_error_is_logged_and_ends_the_connections(producer, script, item, caplog):
    connection = attached(producer)

    script.give(item)

    wait_for(lambda: connection.state is State.CLOSED, what="the end")
    assert connection.close_reason == "failed"
    assert "producer=failed" in caplog.text


def test_slow_client_of_a_shared_generator_is_disconnected(producer, script):
    slow = attached(producer, transport=QueueTransport(buffer_bytes=10))
    other = attached(producer)

    for _ in range(3):
        script.give("x" * 20)
        bodies(other)

    wait_for(lambda: slow.state is State.CLOSED, what="the slow one to be closed")
    assert slow.close_reason == "slow"
    assert other.state is State.OPEN


def test_generator_of_one_client_waits_for_it():
    made = []

    def make():
        for number in range(20):
            made.append(number)
            yield str(number)

    producer = Producer(make, waits_for_clients=True)
    connection = attached(producer, transport=QueueTransport(buffer_bytes=30))
    wait_for(lambda: len(made) == 5, what="the buffer to be full")

    got = []
    while connection.state is State.OPEN or len(got) < 20:
        got += bodies(connection)

    assert got == [f"data: {number}\n\n".encode() for number in range(20)]


def test_heartbeat_does_not_disconnect_a_client_that_is_waited_for():
    producer = Producer(lambda: map(str, range(20)), waits_for_clients=True)
    transport = QueueTransport(buffer_bytes=30)
    connection = attached(producer, transport=transport)
    heartbeat = Batch([frames.heartbeat()])
    wait_for(lambda: not transport.push(heartbeat), what="the buffer to be full")

    connection.send(heartbeat)

    assert connection.state is State.OPEN
    producer.detach(connection)


def test_iterable_that_cannot_be_closed_is_streamed():
    producer = Producer(lambda: ["one", "two"])

    connection = attached(producer)

    wait_for(lambda: connection.state is State.CLOSED, what="the end")
    assert bodies(connection) == [b"data: one\n\n", b"data: two\n\n"]


def test_producer_runs_once_the_process_may_have_another_thread(
    producer, script, monkeypatch
):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(threading.Thread, "start", refuse)
        attached(producer)

    attached(producer)

    wait_for(lambda: script.runs == 1, what="the producer to run")
