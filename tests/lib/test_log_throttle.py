import logging

import pytest

from notifications.lib.log_throttle import LINES, SECONDS, RateLimitFilter


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def logger(clock, caplog):
    logger = logging.getLogger("tests.throttle")
    throttle = RateLimitFilter(clock=clock)
    logger.addFilter(throttle)
    yield logger
    logger.removeFilter(throttle)


def test_a_few_lines_of_a_kind_pass_and_no_more(logger, caplog):
    for number in range(100):
        logger.warning("dropped=%d", number)

    assert caplog.messages == [f"dropped={number}" for number in range(LINES)]


def test_another_kind_passes(logger, caplog):
    for _ in range(100):
        logger.warning("one")
    logger.warning("another")

    assert caplog.messages[-1] == "another"


def test_after_a_while_the_next_line_says_what_was_left_out(logger, caplog, clock):
    for number in range(LINES + 7):
        logger.warning("dropped=%s", number)
    clock.now += SECONDS
    logger.warning("dropped=%s", "9%")
    logger.warning("dropped=%s", 10)

    assert caplog.messages[LINES:] == ["dropped=9% left_out=7", "dropped=10"]


def test_nothing_is_said_of_nothing_left_out(logger, caplog, clock):
    logger.warning("quiet")
    clock.now += SECONDS
    logger.warning("quiet")

    assert caplog.messages == ["quiet", "quiet"]
