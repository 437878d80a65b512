"""What holds while Redis is killed, frozen, unreachable or full."""

import os
import signal
import statistics
import time

import pytest

from tests.system.faults import (
    AFTER,
    BEFORE,
    DURING,
    ask,
    listening,
    pending,
    wait_for_titles,
)
from tests.system.server import DEADLINE_SECONDS, wait_for

SAVES = [str(number) for number in range(100, 120)]
# In seconds, so long that a save that waits for Redis is told from a loaded machine.
REDIS_TIMEOUT = 0.5


@pytest.fixture(scope="module")
def fault_environment():
    return {"NOTIFICATIONS_REDIS_TIMEOUT": str(REDIS_TIMEOUT)}


@pytest.fixture
def site(mended):
    return mended


def seconds_to_ask(asker, topic, titles):
    """Ask, and return how long a question took, as the median of all."""
    found = []
    for title in titles:
        started = time.monotonic()
        ask(asker, topic, [title])
        found.append(time.monotonic() - started)
    return statistics.median(found)


def assert_pages_answer(asker):
    for path in ("/", "/ask/", "/notifications/"):
        assert asker.client.get(path).status_code == 200


def test_killed_redis_costs_no_page_and_no_event(site, proxy, asker, topic):
    with listening(site, topic) as listeners:
        ask(asker, topic, BEFORE)
        os.kill(site.redis.pid, signal.SIGKILL)
        wait_for(lambda: not site.redis.is_alive(), what="the end of Redis")
        ask(asker, topic, DURING)
        assert_pages_answer(asker)
        site.redis.ensure_running(timeout=DEADLINE_SECONDS)
        ask(asker, topic, AFTER)

        wait_for_titles(listeners, BEFORE + DURING + AFTER)


def test_refused_connection_costs_no_page_and_no_event(site, proxy, asker, topic):
    with listening(site, topic) as listeners:
        ask(asker, topic, BEFORE)
        proxy.cut()
        ask(asker, topic, DURING)
        assert_pages_answer(asker)
        proxy.mend()
        ask(asker, topic, AFTER)

        wait_for_titles(listeners, BEFORE + DURING + AFTER)


def test_frozen_redis_delays_no_save_and_loses_no_event(site, asker, topic):
    with listening(site, topic) as listeners:
        usual = seconds_to_ask(asker, topic, BEFORE)
        os.kill(site.redis.pid, signal.SIGSTOP)
        frozen = seconds_to_ask(asker, topic, SAVES)
        assert_pages_answer(asker)
        os.kill(site.redis.pid, signal.SIGCONT)

        wait_for_titles(listeners, BEFORE + SAVES)
    assert frozen < usual + REDIS_TIMEOUT


def test_black_hole_delays_no_save_and_loses_no_event(site, proxy, asker, topic):
    with listening(site, topic) as listeners:
        usual = seconds_to_ask(asker, topic, BEFORE)
        proxy.black_hole()
        silent = seconds_to_ask(asker, topic, SAVES)
        assert_pages_answer(asker)
        proxy.mend()

        wait_for_titles(listeners, BEFORE + SAVES)
    assert silent < usual + REDIS_TIMEOUT


def test_reader_leaves_a_silent_connection(site, proxy, asker, topic):
    with listening(site, topic) as listeners:
        ask(asker, topic, BEFORE)
        # These links stay open and pass nothing on; only a new link works.
        silent = proxy.links(sending=b"BLOCK")
        for link in silent:
            link.hold()
        ask(asker, topic, DURING)

        wait_for_titles(listeners, BEFORE + DURING)
    assert silent


def test_replies_that_arrive_byte_by_byte_are_read(site, proxy, asker, topic):
    with listening(site, topic) as listeners:
        proxy.slice(1)
        ask(asker, topic, BEFORE)

        wait_for_titles(listeners, BEFORE)


def test_full_redis_costs_no_page_and_no_event(site, client, asker, topic):
    with listening(site, topic) as listeners:
        ask(asker, topic, BEFORE)
        # Some may have been left for the sweep, if Redis was away in an earlier test.
        wait_for(lambda: not pending(site), what="the outbox to be empty")
        client.config_set("maxmemory", 1)
        ask(asker, topic, DURING)
        assert_pages_answer(asker)
        assert pending(site) == len(DURING)
        client.config_set("maxmemory", 0)
        ask(asker, topic, AFTER)

        wait_for_titles(listeners, BEFORE + DURING + AFTER)
