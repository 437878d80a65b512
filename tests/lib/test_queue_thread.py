import threading

import pytest

from notifications.lib.queue_thread import QueueThread
from tests.system.server import wait_for


@pytest.fixture
def batches():
    """A list that grows with the items of each call."""
    return []


@pytest.fixture
def gate():
    """An event that each call waits for."""
    gate = threading.Event()
    gate.set()
    return gate


@pytest.fixture
def entered():
    """A semaphore that each call releases before it waits."""
    return threading.Semaphore(0)


@pytest.fixture
def thread(batches, gate, entered):
    def handle(items):
        entered.release()
        assert gate.wait(10)
        batches.append(items)

    thread = QueueThread(handle, name="test", limit=3)
    yield thread
    gate.set()
    thread.stop()


def test_item_is_handled(thread, batches):
    thread.start()

    assert thread.put(1)

    wait_for(lambda: batches == [[1]], what="the item")


def test_items_that_wait_are_handled_together(thread, batches, gate, entered):
    thread.start()
    gate.clear()
    thread.put(1)
    assert entered.acquire(timeout=10)

    thread.put(2)
    thread.put(3)
    gate.set()

    wait_for(lambda: batches == [[1], [2, 3]], what="both batches")


def test_items_beyond_the_limit_are_refused(thread, gate, entered):
    thread.start()
    gate.clear()
    thread.put(0)
    assert entered.acquire(timeout=10)

    assert [thread.put(number) for number in range(4)] == [True, True, True, False]


def test_nothing_is_taken_while_the_thread_is_not_running(thread):
    before = thread.put(1)
    thread.start()
    thread.stop()

    assert (before, thread.put(1)) == (False, False)


def test_stop_handles_what_is_waiting(thread, batches, gate, entered):
    thread.start()
    gate.clear()
    thread.put(1)
    assert entered.acquire(timeout=10)
    thread.put(2)
    gate.set()

    thread.stop()

    assert batches == [[1], [2]]


def test_starting_twice_starts_one_thread(thread):
    thread.start()
    first = thread._thread
    thread.start()

    assert thread._thread is first


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_thread_that_ended_by_an_error_takes_nothing_until_it_is_started_again():
    def fail(items):
        raise RuntimeError("a bug")

    thread = QueueThread(fail, name="test", limit=3)
    thread.start()
    first = thread._thread
    thread.put(1)
    first.join()

    assert not thread.put(2)
    thread.start()
    assert thread._thread is not first
    thread.stop()
