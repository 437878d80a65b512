import pytest

from notifications.lib.circuit_breaker import CircuitBreaker


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(seconds=lambda: 30.0, clock=clock)


def test_it_is_closed_at_first(breaker):
    assert breaker.allows()


def test_a_failure_opens_it_for_its_time(breaker, clock):
    breaker.failed()

    clock.now += 29.9
    assert not breaker.allows()
    clock.now += 0.1
    assert breaker.allows()


def test_it_stays_open_for_all_but_who_tries_until_something_succeeds(breaker, clock):
    breaker.failed()
    clock.now += 30
    breaker.failed()

    assert not breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
