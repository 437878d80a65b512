import pytest

from notifications.lib.circuit_breaker import CircuitBreaker


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(timeout=lambda: 30.0, clock=clock)


def test_new_breaker_is_closed(breaker):
    assert breaker.allows()


def test_one_failure_does_not_open_the_breaker(breaker):
    breaker.failed()

    assert breaker.allows()


def test_failures_with_a_success_between_do_not_open_the_breaker(breaker):
    breaker.failed()
    breaker.succeeded()
    breaker.failed()

    assert breaker.allows()


def test_two_failures_in_a_row_open_the_breaker_for_its_timeout(breaker, clock):
    breaker.failed()
    breaker.failed()

    clock.now += 29.9
    assert not breaker.allows()
    clock.now += 0.1
    assert breaker.allows()


def test_another_failure_opens_it_again_and_a_success_closes_it(breaker, clock):
    breaker.failed()
    breaker.failed()
    clock.now += 30
    breaker.failed()

    assert not breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
