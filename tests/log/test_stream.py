import math
import threading
import time
import uuid

import pytest

from notifications.conf import conf
from notifications.exceptions import LogGap, UnreadableEntry
from notifications.lib.server_clock import ServerClock
from notifications.log import probes
from notifications.log.log_reader import READ_LIMIT
from notifications.log.probes import PROBE_SECONDS
from notifications.log.stream import Log
from notifications.protocol.cursor import Cursor


def items(count):
    return [(uuid.uuid4().hex, b"%d" % number) for number in range(count)]


def bodies(records):
    return [record.body for record in records]


def test_entries_are_read_in_order(log):
    start = log.position()

    cursors = log.append(items(3))

    assert bodies(log.read(start, until=cursors[-1])) == [b"0", b"1", b"2"]
    assert cursors == sorted(cursors)


def test_entry_with_the_same_uid_is_appended_once(log):
    start = log.position()
    [item] = items(1)

    first, second = log.append([item]), log.append([item])

    assert first == second
    assert len(list(log.read(start, until=log.position()))) == 1


def test_appending_nothing_does_nothing(log):
    start = log.position()

    assert log.append([]) == []
    assert log.position() == start


def test_new_log_contains_its_first_cursor(log):
    start = log.position()

    assert log.contains(start)
    assert log.position() == start


def test_unknown_cursor_is_not_contained(log):
    log.position()

    assert not log.contains(Cursor(1, 1))


def test_reading_continues_after_a_page(log):
    start = log.position()
    cursors = log.append(items(READ_LIMIT * 2 + 7))

    read = list(log.read(start, until=cursors[-1]))

    assert [record.cursor for record in read] == cursors


def test_reading_stops_at_the_given_cursor(log):
    start = log.position()
    cursors = log.append(items(3))

    assert bodies(log.read(start, until=cursors[1])) == [b"0", b"1"]
    assert list(log.read(cursors[1], until=cursors[1])) == []


def test_reading_after_a_missing_entry_is_a_gap(log, redis_client):
    log.position()
    first, second = log.append(items(2))
    redis_client.xdel(stream_key(), str(first))

    with pytest.raises(LogGap) as gap:
        list(log.read(first, until=second))

    assert gap.value.cursor == first


def test_log_is_trimmed_to_its_maximum(log, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "LOG_MAX_ENTRIES": 100}
    start = log.position()

    log.append(items(1_000))

    assert not log.contains(start)


def test_wait_returns_existing_entries_immediately(log):
    start = log.position()
    log.append(items(2))

    assert bodies(log.wait(start, seconds=5)) == [b"0", b"1"]


def test_wait_returns_new_entries(log):
    start = log.position()
    writer = threading.Thread(target=log.append, args=[items(1)])
    writer.start()

    assert bodies(log.wait(start, seconds=30)) == [b"0"]
    writer.join()


def test_wait_returns_nothing_after_its_timeout(log):
    assert log.wait(log.position(), seconds=0.1) == []


def test_waiting_after_a_missing_entry_is_a_gap(log, redis_client):
    start = log.position()
    redis_client.delete(stream_key())

    with pytest.raises(LogGap):
        log.wait(start, seconds=0.1)


def test_lock_has_one_holder(log):
    with log.exclusive("sweep", seconds=5) as first:
        assert first.renew()
        assert first.renew()
        with log.exclusive("sweep", seconds=5) as second:
            assert not second.renew()
        assert first.renew()
    with log.exclusive("sweep", seconds=5) as third:
        assert third.renew()


def test_expired_lock_is_not_released_for_its_next_holder(log, redis_client):
    with log.exclusive("sweep", seconds=5) as lock:
        assert lock.renew()
        redis_client.delete(lock_key())
        redis_client.set(lock_key(), "another holder")

    assert redis_client.get(lock_key()) == b"another holder"


def test_published_message_arrives(log, redis_client):
    subscription = log.subscribe(["sse"], seconds=5)
    assert next(subscription) is None
    redis_client.publish("sse", b"hello")

    message = next(subscription)

    assert (message.channel, message.body) == ("sse", b"hello")
    subscription.close()


def test_closed_log_connects_again(log):
    start = log.position()
    log.close()

    assert log.position() == start


def test_unreadable_entry_is_still_read(log):
    start = log.position()
    cursor = log.append([("x", b"\xff\x00")])[0]

    [record] = log.read(start, until=cursor)

    with pytest.raises(UnreadableEntry):
        record.decode()


def stream_key():
    return f"{{{conf.KEY_PREFIX}}}:log"


def lock_key():
    return f"{{{conf.KEY_PREFIX}}}:lock:sweep"


def test_wait_reads_the_probe_of_its_own_process(log):
    assert log.seconds_since_probe == math.inf

    log.probe()
    log.wait(log.position(), seconds=5)

    assert log.seconds_since_probe < 5


def test_probe_of_another_process_wakes_no_reader(log, settings, link):
    other = Log(link, prefix=settings.NOTIFICATIONS["KEY_PREFIX"])
    position = log.position()
    other.probe()

    began = time.monotonic()
    log.wait(position, seconds=0.3)

    assert time.monotonic() - began > 0.2
    assert log.seconds_since_probe == math.inf
    other.close()


def test_entry_that_was_read_is_not_read_again(log, redis_client):
    [cursor] = log.append([(uuid.uuid4().hex, b"x" * 100_000)])
    log.wait(cursor, seconds=0.01)

    before = bytes_sent(redis_client)
    log.wait(cursor, seconds=0.01)

    # With the statistics themselves.
    assert bytes_sent(redis_client) - before < 50_000


def bytes_sent(redis_client):
    return redis_client.info("stats")["total_net_output_bytes"]


def test_probe_expires(log, redis_client):
    log.probe()

    [key] = redis_client.keys(f"{{{conf.KEY_PREFIX}}}:probes:*")
    assert 0 < redis_client.ttl(key) <= PROBE_SECONDS


def test_probe_shows_how_far_the_clock_of_redis_is_ahead(log, monkeypatch):
    slow = ServerClock(clock=lambda: time.time() - 3600)
    monkeypatch.setattr(probes, "log_clock", lambda: slow)

    log.probe()

    assert slow.ahead == pytest.approx(3_600_000, abs=60_000)
