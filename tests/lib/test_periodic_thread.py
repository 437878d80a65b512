import pytest

from notifications.lib.periodic_thread import PeriodicThread
from tests.system.server import wait_for


@pytest.fixture
def done():
    """A list that grows each time."""
    return []


@pytest.fixture
def seconds():
    """How often it is done; a test changes it."""
    return [0.01]


@pytest.fixture
def repeater(done, seconds):
    repeater = PeriodicThread(
        lambda: done.append(1), name="test", seconds=lambda: seconds[0]
    )
    yield repeater
    repeater.stop()


def test_it_does_it_again_and_again(repeater, done):
    repeater.start()

    wait_for(lambda: len(done) > 2, what="the third time")


def test_starting_twice_starts_one_thread(repeater):
    repeater.start()
    thread = repeater._thread
    repeater.start()

    assert repeater._thread is thread


def test_stopping_ends_it_and_is_harmless_twice(repeater, done):
    repeater.start()
    repeater.stop()
    times = len(done)

    repeater.stop()

    assert len(done) == times


def test_what_was_stopped_can_start_anew(repeater, done):
    repeater.start()
    repeater.stop()
    times = len(done)

    repeater.start()

    wait_for(lambda: len(done) > times, what="one more")


def test_without_an_interval_it_does_not_start(repeater, seconds):
    seconds[0] = 0

    repeater.start()

    assert repeater._thread is None


def test_an_interval_that_is_gone_ends_it(repeater, done, seconds):
    repeater.start()
    wait_for(lambda: done, what="the first time")

    seconds[0] = 0

    wait_for(lambda: not repeater._thread.is_alive(), what="the end")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_an_error_ended_is_started_again():
    def fail():
        raise RuntimeError("ours")

    repeater = PeriodicThread(fail, name="test", seconds=lambda: 0.01)
    repeater.start()
    first = repeater._thread
    first.join()

    repeater.start()

    assert repeater._thread is not first
    repeater.stop()
