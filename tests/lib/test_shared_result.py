import itertools
import threading

import pytest

from notifications.lib.shared_result import SharedResult


def test_result_is_shared_until_it_expires(clock):
    shared = SharedResult(itertools.count().__next__, seconds=5, clock=clock)

    first = [shared.get(), shared.get()]
    clock.now += 5
    second = shared.get()

    assert (first, second) == ([0, 0], 1)


def test_those_who_ask_during_a_call_get_its_result():
    calls = itertools.count()
    asking = threading.Barrier(3)

    def ask():
        asking.wait(30)
        results.append(shared.get())

    shared = SharedResult(calls.__next__, seconds=60)
    results: list[int] = []
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert results == [0, 0, 0]


def test_error_is_not_kept(clock):
    outcomes = iter([ZeroDivisionError, "result"])

    def call():
        outcome = next(outcomes)
        if outcome is ZeroDivisionError:
            raise outcome
        return outcome

    shared = SharedResult(call, seconds=5, clock=clock)

    with pytest.raises(ZeroDivisionError):
        shared.get()
    assert shared.get() == "result"
