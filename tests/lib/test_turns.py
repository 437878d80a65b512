import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifications.lib.turns import NoTurn, Turns
from tests.system.server import wait_for


def needed():
    return True


def new_turns(size=1, **options):
    return Turns(size, **{"rest": 0, "min_rest": 0, "max_wait": 30, **options})


class FakeTime:
    """A clock that only pauses and work advance."""

    def __init__(self):
        self.now = self.worked = 100.0
        self.pauses = []

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds

    def work(self, seconds):
        self.now += seconds
        self.worked += seconds


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture
def resting(time):
    return new_turns(
        rest=2,
        min_rest=1,
        clock=lambda: time.now,
        work_clock=lambda: time.worked,
        pause=time.pause,
    )


def test_only_so_many_threads_work_at_the_same_time():
    turns = new_turns(2)
    both, third, done = threading.Barrier(3), threading.Event(), threading.Event()

    def work():
        with turns.turn(needed):
            both.wait(30)
            done.wait(30)

    def work_third():
        with turns.turn(needed):
            third.set()

    with ThreadPoolExecutor(3) as pool:
        [pool.submit(work) for _ in range(2)]
        both.wait(30)
        waiting = pool.submit(work_third)
        assert not third.wait(0.1)
        done.set()
        waiting.result(30)


def test_threads_get_their_turns_in_order():
    turns = new_turns()
    order = []

    def work(number):
        with turns.turn(needed):
            order.append(number)

    with ThreadPoolExecutor(5) as pool:
        with turns.turn(needed):
            for number in range(5):
                pool.submit(work, number)
                wait_for(lambda n=number: turns.waiting > n, what="the thread to wait")
            assert order == []

    assert order == list(range(5))


def test_error_in_a_turn_ends_it():
    turns = new_turns()

    with pytest.raises(ZeroDivisionError), turns.turn(needed):
        _ = 1 / 0

    with turns.turn(needed):
        pass


def test_thread_that_is_not_needed_gets_no_turn():
    turns = new_turns()

    with pytest.raises(NoTurn), turns.turn(lambda: False):
        pytest.fail("not needed")

    with turns.turn(needed):
        pass


def test_thread_gives_up_waiting_when_it_is_not_needed(monkeypatch):
    monkeypatch.setattr("notifications.lib.turns.CHECK_SECONDS", 0.01)
    turns = new_turns()

    with turns.turn(needed):
        with pytest.raises(NoTurn), turns.turn(lambda: False):
            pytest.fail("not needed")
        assert turns.waiting == 0


def test_thread_gives_up_waiting_after_a_while(monkeypatch):
    monkeypatch.setattr("notifications.lib.turns.CHECK_SECONDS", 0.01)
    turns = new_turns(max_wait=0)

    with turns.turn(needed), pytest.raises(NoTurn), turns.turn(needed):
        pytest.fail("there was no turn")


def test_turn_of_a_thread_that_is_interrupted_is_for_others(monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("notifications.lib.turns.CHECK_SECONDS", 0.01)
    turns = new_turns()

    with turns.turn(needed), pytest.raises(KeyboardInterrupt), turns.turn(interrupt):
        pytest.fail("interrupted")

    assert turns.waiting == 0
    with turns.turn(needed):
        pass


def test_rest_after_a_turn_depends_on_the_work(resting, time):
    with resting.turn(needed):
        time.work(3)
    with resting.turn(needed):
        assert time.pauses == [6]


def test_shortest_rest_follows_a_short_turn(resting, time):
    with resting.turn(needed):
        time.work(0.1)
    with resting.turn(needed):
        assert time.pauses == [1]


def test_nobody_pauses_when_the_rest_is_over(resting, time):
    with resting.turn(needed):
        time.work(3)
    time.now += 7
    with resting.turn(needed):
        assert time.pauses == []
