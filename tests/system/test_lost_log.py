"""What holds while Redis loses the log: emptied, evicted, or replaced."""

import contextlib
import itertools
import shutil
from itertools import pairwise

import httpx
import pytest
import redis

from tests.own_redis import own_redis
from tests.system import oracle
from tests.system.faults import (
    AFTER,
    BEFORE,
    DURING,
    RESET,
    ask,
    listening,
    pending,
    titles_of,
    wait_for_titles,
)
from tests.system.people import sign_in
from tests.system.server import DEADLINE_SECONDS, wait_for

# How much a Redis that evicts may hold in addition to what it holds already.
ROOM_BYTES = 500_000
FILLER_BYTES = 20_000
READY = "/notifications/ready/"
# With this many answers, each worker has almost surely given one.
ANSWERS = 12


@pytest.fixture
def site(mended):
    return mended


@pytest.fixture
def loses_the_log(site):
    """Begins anew afterwards: neither the gap nor its repair affects the next test."""
    yield
    site.stop()
    site.redis.ensure_running(timeout=DEADLINE_SECONDS)
    with redis.Redis.from_url(site.redis.url) as client:
        client.flushall()


@pytest.fixture
def other_redis():
    with own_redis() as server:
        yield server


def readiness(site):
    """Return the statuses of the readiness check, each on a new connection."""
    return {httpx.get(site.url + READY).status_code for _ in range(ANSWERS)}


def lead_writers_to(other, proxy):
    """Fail over for the writers only: the readers stay with the old Redis."""
    proxy.retarget(other.socket)
    for link in proxy.links():
        if b"BLOCK" not in link.sent:
            link.cut()


def restart_empty(site):
    site.redis.stop()
    shutil.rmtree(site.redis.data)
    site.redis.ensure_running(timeout=DEADLINE_SECONDS)


def holes(listener):
    """Return neighbouring titles between which some are missing without a reset."""
    parts = titles_of(listener)
    return [
        (one, other)
        for one, other in pairwise(parts)
        if RESET not in (one, other) and int(other) != int(one) + 1
    ]


def is_rising(listener):
    """Tell whether the titles arrived in order, and none twice."""
    numbers = [int(title) for title in titles_of(listener) if title != RESET]
    return all(one < other for one, other in pairwise(numbers))


def squeezer(client):
    """Return a function that fills Redis a bit more, so that it evicts other keys."""
    numbers = itertools.count()

    def squeeze():
        with contextlib.suppress(redis.OutOfMemoryError):
            client.set(f"filler:{next(numbers)}", bytes(FILLER_BYTES), ex=60)
        return True

    return squeeze


def ask_until_all_receive(asker, topic, listeners):
    """Ask further questions until every stream receives the newest.

    The reset of a process covers the questions from before it noticed the gap.
    """
    for title in map(str, itertools.count(int(DURING[-1]) + 1)):
        counts = [len(titles_of(each)) for each in listeners]
        ask(asker, topic, [title])
        for listener, count in zip(listeners, counts, strict=True):
            wait_for_more(listener, count)
        if all(titles_of(each)[-1] == title for each in listeners):
            return


def wait_for_more(listener, count):
    wait_for(
        lambda: len(titles_of(listener)) > count,
        what=f"an event after {titles_of(listener)}",
    )


@pytest.mark.usefixtures("loses_the_log")
@pytest.mark.parametrize("emptied", ["by a command", "by a restart"])
def test_emptied_redis_resets_every_stream_once(site, client, asker, topic, emptied):
    with listening(site, topic) as listeners:
        ask(asker, topic, BEFORE)
        wait_for_titles(listeners, BEFORE)
        if emptied == "by a command":
            client.flushall()
        else:
            restart_empty(site)
        for listener in listeners:
            listener.wait_for(1, RESET)
        ask(asker, topic, AFTER)
        for listener in listeners:
            listener.wait_for(len(BEFORE + AFTER), "new_question")

    once = [*BEFORE, RESET, *AFTER]
    assert [titles_of(listener) for listener in listeners] == [once] * len(listeners)


@pytest.mark.usefixtures("loses_the_log")
def test_client_that_was_away_while_redis_was_emptied_gets_a_reset(
    site, client, asker, topic
):
    with listening(site, topic, streams=1) as [listener]:
        ask(asker, topic, BEFORE)
        wait_for_titles([listener], BEFORE)
        cursor = listener.last_event_id
    client.flushall()
    ask(asker, topic, DURING)

    with listening(site, f"{topic}&last_event_id={cursor}", streams=1) as [listener]:
        listener.wait_for(1, RESET)
        ask_until_all_receive(asker, topic, [listener])

    assert titles_of(listener)[0] == RESET
    assert holes(listener) == []


@pytest.mark.usefixtures("loses_the_log")
def test_inbox_is_complete_after_redis_was_emptied(site, client, asker, topic):
    [reader] = sign_in(site, [f"reader-{topic[-8:]}"])
    ask(asker, topic, BEFORE[:1])
    reader.put(f"/notifications/follows/{topic}/")
    ask(asker, topic, BEFORE)
    client.flushall()
    ask(asker, topic, AFTER)
    wait_for(lambda: not pending(site), what="the outbox to be empty")

    accept = {"Accept": "application/json"}
    answer = reader.client.get("/notifications/", headers=accept).json()
    reader.client.close()

    listed = {(each["type"], each["question_id"]) for each in answer["events"]}
    first = min(oracle.due(site.database, reader.pk))
    assert listed == oracle.due(site.database, reader.pk) - {first}


@pytest.mark.usefixtures("loses_the_log")
def test_evicted_log_leaves_no_gap_without_a_reset(site, client, asker, topic):
    with listening(site, topic) as listeners:
        ask(asker, topic, BEFORE)
        client.config_set("maxmemory-policy", "allkeys-lru")
        used = client.info("memory")["used_memory"]
        client.config_set("maxmemory", used + ROOM_BYTES)
        squeeze = squeezer(client)
        for title in DURING:
            squeeze()
            ask(asker, topic, [title])
        wait_for(
            lambda: squeeze() and all(RESET in titles_of(each) for each in listeners),
            what="a reset on every stream",
        )
        client.config_set("maxmemory", 0)
        wait_for(lambda: not pending(site), what="the outbox to be empty")
        ask_until_all_receive(asker, topic, listeners)

    assert [holes(listener) for listener in listeners] == [[]] * len(listeners)
    assert all(is_rising(listener) for listener in listeners)


@pytest.mark.usefixtures("loses_the_log")
def test_failover_that_readers_missed_fails_the_readiness_check(
    site, proxy, asker, topic, other_redis
):
    with listening(site, topic) as listeners:
        wait_for(lambda: readiness(site) == {200}, what="a site that is ready")
        lead_writers_to(other_redis, proxy)
        ask(asker, topic, BEFORE)
        wait_for(lambda: readiness(site) == {503}, what="every worker to be red")
        for link in proxy.links():
            link.cut()
        for listener in listeners:
            listener.wait_for(1, RESET)
        wait_for(lambda: readiness(site) == {200}, what="every worker to be green")
        ask(asker, topic, AFTER)
        for listener in listeners:
            listener.wait_for(len(AFTER), "new_question")

    assert [titles_of(each) for each in listeners] == [[RESET, *AFTER]] * len(listeners)


def copy_redis(site, other):
    """Give another Redis what the site's has now."""
    with (
        redis.Redis.from_url(site.redis.url) as old,
        redis.Redis.from_url(other.url) as new,
    ):
        for key in old.scan_iter():
            with old.pipeline() as both:
                expires_in, value = both.pttl(key).dump(key).execute()
            if value is not None:  # it has not expired since
                new.restore(key, max(expires_in, 0), value, replace=True)


@pytest.mark.usefixtures("loses_the_log")
def test_event_that_a_failover_lost_unread_is_sent_by_the_new_redis(
    site, proxy, asker, topic, other_redis
):
    with listening(site, topic) as listeners:
        ask(asker, topic, BEFORE)
        wait_for_titles(listeners, BEFORE)
        # The readers hear nothing any more, and the old Redis gets one more event.
        for link in proxy.links(sending=b"BLOCK"):
            link.hold()
        copy_redis(site, other_redis)
        ask(asker, topic, DURING[:1])
        wait_for(lambda: not pending(site), what="the outbox to be empty")
        proxy.retarget(other_redis.socket)
        for link in proxy.links():
            link.cut()

        for listener in listeners:
            listener.wait_for(1, RESET)
    assert [titles_of(each)[:4] for each in listeners] == [BEFORE + DURING[:1]] * len(
        listeners
    )
