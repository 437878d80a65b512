import logging

import pytest

from notifications.lib.log_throttle import (
    LINES_PER_WINDOW,
    WINDOW_SECONDS,
    RateLimitFilter,
)


@pytest.fixture
def logger(clock, caplog):
    logger = logging.getLogger("tests.throttle")
    rate_limit = RateLimitFilter(clock=clock)
    logger.addFilter(rate_limit)
    yield logger
    logger.removeFilter(rate_limit)


def test_repeated_message_is_logged_a_few_times_only(logger, caplog):
    for number in range(100):
        logger.warning("dropped=%d", number)

    assert caplog.messages == [
        f"dropped={number}" for number in range(LINES_PER_WINDOW)
    ]


def test_another_message_is_still_logged(logger, caplog):
    for _ in range(100):
        logger.warning("one")
    logger.warning("another")

    assert caplog.messages[-1] == "another"


def test_next_window_starts_with_the_number_left_out(logger, caplog, clock):
    for number in range(LINES_PER_WINDOW + 7):
        logger.warning("dropped=%s", number)
    clock.now += WINDOW_SECONDS
    logger.warning("dropped=%s", "9%")
    logger.warning("dropped=%s", 10)

    assert caplog.messages[LINES_PER_WINDOW:] == ["dropped=9% left_out=7", "dropped=10"]


def test_no_number_is_logged_when_nothing_was_left_out(logger, caplog, clock):
    logger.warning("quiet")
    clock.now += WINDOW_SECONDS
    logger.warning("quiet")

    assert caplog.messages == ["quiet", "quiet"]
