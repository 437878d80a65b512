import threading

import pytest

from notifications.lib.periodic_thread import PeriodicThread
from tests.system.server import wait_for


@pytest.fixture
def runs():
    """A list that grows with each run of the action."""
    return []


@pytest.fixture
def interval():
    """The interval in seconds, in a list so that a test can change it."""
    return [0.01]


@pytest.fixture
def periodic(runs, interval):
    periodic = PeriodicThread(
        lambda: runs.append(1), name="test", interval=lambda: interval[0]
    )
    yield periodic
    periodic.stop()


def test_action_runs_repeatedly(periodic, runs):
    periodic.start()

    wait_for(lambda: len(runs) > 2, what="the third run")


def test_starting_twice_starts_one_thread(periodic):
    periodic.start()
    thread = periodic._thread
    periodic.start()

    assert periodic._thread is thread


def test_stop_ends_the_thread_and_is_harmless_twice(periodic, runs):
    periodic.start()
    periodic.stop()
    before = len(runs)

    periodic.stop()

    assert len(runs) == before


def test_stopped_thread_can_be_started_again(periodic, runs):
    periodic.start()
    periodic.stop()
    before = len(runs)

    periodic.start()

    wait_for(lambda: len(runs) > before, what="another run")


def test_interval_of_zero_starts_no_thread(periodic, interval):
    interval[0] = 0

    periodic.start()

    assert periodic._thread is None


def test_interval_that_becomes_zero_ends_the_thread(periodic, runs, interval):
    periodic.start()
    thread = periodic._thread
    wait_for(lambda: runs, what="the first run")

    interval[0] = 0

    wait_for(lambda: not thread.is_alive(), what="the thread to end")


def test_thread_that_is_about_to_end_is_replaced(periodic, runs, interval):
    interval[0] = 0
    thread = threading.Thread(target=periodic._run)
    periodic._thread = thread
    thread.start()
    thread.join()
    interval[0] = 0.01

    periodic.start()

    wait_for(lambda: runs, what="the first run")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_thread_that_ended_by_an_error_is_started_again():
    def fail():
        raise RuntimeError("a bug")

    periodic = PeriodicThread(fail, name="test", interval=lambda: 0.01)
    periodic.start()
    first = periodic._thread
    first.join()

    periodic.start()

    assert periodic._thread is not first
    periodic.stop()


def test_stop_is_harmless_after_a_thread_could_not_be_started(periodic, monkeypatch):
    def fail(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError):
            periodic.start()

    periodic.stop()


def test_next_run_begins_soon_when_asked_for(runs):
    soon = threading.Event()
    periodic = PeriodicThread(
        lambda: runs.append(1), name="test", interval=lambda: 1_000, soon=soon
    )
    periodic.start()
    wait_for(lambda: runs, what="the first run")

    for count in (2, 3):
        soon.set()
        wait_for(lambda count=count: len(runs) == count, what="another run")

    periodic.stop()
