import pytest

from notifications.lib.pacer import Pacer

SECONDS, LIMIT = 10, 100


class Loop:
    """Rounds on a clock of their own, and how long the loop has waited."""

    def __init__(self):
        self.now = 1_000.0
        self.waited = []
        self.pacer = Pacer(
            self.waited.append, seconds=SECONDS, limit=LIMIT, clock=lambda: self.now
        )

    def round(self, items, *, lasts=0.0):
        self.pacer.begin(items)
        self.now += lasts
        self.pacer.pause()


@pytest.fixture
def loop():
    return Loop()


def test_single_items_far_apart_are_not_followed_by_a_wait(loop):
    for _ in range(3):
        loop.round(1)
        loop.now += SECONDS

    assert loop.waited == []


def test_item_soon_after_another_is_followed_by_the_rest_of_its_time(loop):
    loop.round(1)
    loop.now += 3

    loop.round(1, lasts=2)

    assert loop.waited == [SECONDS - 2]


def test_round_with_several_items_is_followed_by_a_wait(loop):
    loop.round(2)

    assert loop.waited == [SECONDS]


@pytest.mark.parametrize("items", [2, 99])
def test_round_that_took_long_enough_is_not_followed_by_a_wait(loop, items):
    loop.round(items, lasts=SECONDS)

    assert loop.waited == []


def test_round_that_left_items_behind_is_not_followed_by_a_wait(loop):
    loop.round(LIMIT)

    assert loop.waited == []


def test_round_without_items_changes_nothing(loop):
    loop.round(1)
    loop.now += SECONDS / 2
    loop.round(0)
    loop.now += SECONDS

    loop.round(1)

    assert loop.waited == []
