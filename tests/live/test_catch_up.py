"""Clients that reconnect to the hub: what they missed, and resets."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from notifications.exceptions import LogUnavailable
from notifications.live import missed_counts, older_entries, replay
from notifications.live.connection import Connection, State
from notifications.live.hub import shared_hub
from notifications.protocol import sse
from notifications.protocol.subscriptions import Subscriptions
from tests.live.helpers import (
    append_many,
    attach,
    cursors,
    frames_of,
    names,
    received,
    unseen,
)
from tests.system.server import wait_for

THOUSANDS = 2_000


def test_new_client_missed_nothing_and_gets_its_cursor(hub):
    hub.ensure_started()
    position = hub.position

    _, missed = attach(hub, requested_topics=["topic:a"])

    assert names(missed) == ["heartbeat"]
    assert cursors(missed) == [position]


def test_client_that_reconnects_gets_exactly_the_missed_frames(hub, append):
    seen = append("topic:a")
    missed_one = append("topic:a")
    append("topic:b")
    missed_two = append("topic:a")
    wait_for(lambda: hub.delivered_up_to == missed_two, what="the hub")

    _, missed = attach(hub, requested_topics=["topic:a"], after=seen)

    assert names(missed) == ["tick", "tick", "heartbeat"]
    assert cursors(missed) == [missed_one, missed_two, missed_two]


def test_page_that_is_ahead_of_the_hub_gets_no_frame_twice(hub, lagging, append):
    hub.ensure_started()
    behind = hub.position
    seen = append("topic:a")
    connection = Connection(requested_topics=["topic:a"])

    missed = list(frames_of(hub.attach(connection, after=str(seen), as_of=behind)))

    assert cursors(missed) == [seen]
    assert names(missed) == ["heartbeat"]
    assert connection.reached(behind) == seen


def test_client_is_not_attached_before_the_hub_noticed_that_the_log_was_replaced(
    hub, lagging, append, redis_client, settings
):
    hub.ensure_started()
    position = hub.position
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.delete(f"{{{prefix}}}:log")
    cursor = append("topic:a")

    with pytest.raises(LogUnavailable):
        attach(hub, requested_topics=["topic:a"], after=cursor)

    assert hub.position == position


@pytest.mark.parametrize(
    "cursor", ["0-0", "1-1", "99999999999999-0", "", "x", "-1-1", "1" * 1_000_000, "\0"]
)
def test_unknown_cursor_gets_one_reset(hub, append, cursor):
    append("topic:a")

    _, missed = attach(hub, requested_topics=["topic:a"], after=cursor)

    assert names(missed) == ["reset", "heartbeat"]


def test_live_events_follow_a_reset(hub, append):
    connection, _ = attach(hub, requested_topics=["topic:a"], after="99999999999999-0")

    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]


def test_trimmed_cursor_gets_one_reset(append, redis_client, settings):
    seen, *_ = [append("topic:a") for _ in range(3)]
    hub = shared_hub()
    hub.ensure_started()
    connection = Connection(requested_topics=["topic:a"])
    missed = frames_of(hub.attach(connection, after=str(seen), as_of=hub.position))
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.xdel(f"{{{prefix}}}:log", str(seen))

    assert names(missed) == ["reset", "heartbeat"]


def test_without_redis_a_client_with_an_older_cursor_is_not_attached(append, link):
    seen, *_ = [append("topic:a") for _ in range(3)]
    hub = shared_hub()
    hub.ensure_started()
    position = hub.position
    link.cut()
    connection = Connection(requested_topics=["topic:a"])

    with pytest.raises(LogUnavailable):
        hub.attach(connection, after=str(seen), as_of=position)

    assert connection.state is State.OPEN


def test_without_redis_recent_entries_are_replayed_from_memory(hub, append, link):
    seen, missed, newest = [append("topic:a") for _ in range(3)]
    wait_for(lambda: hub.delivered_up_to == newest, what="the hub")
    link.cut()

    _, frames = attach(hub, requested_topics=["topic:a"], after=seen)

    assert cursors(frames) == [missed, newest, newest]


def test_losing_redis_during_a_replay_ends_the_stream(append, link):
    seen, *_ = [append("topic:a") for _ in range(3)]
    hub = shared_hub()
    hub.ensure_started()
    connection = Connection(requested_topics=["topic:a"])
    missed = frames_of(hub.attach(connection, after=str(seen), as_of=hub.position))
    link.cut()

    assert list(missed) == []
    assert connection.state is State.CLOSED


def test_replay_stops_when_the_connection_is_closed(hub, append, monkeypatch):
    monkeypatch.setattr(replay, "REPLAY_BATCH_FRAMES", 1)
    seen, *_, newest = [append("topic:a") for _ in range(3)]
    wait_for(lambda: hub.delivered_up_to == newest, what="the hub")
    connection = Connection(requested_topics=["topic:a"])
    missed = frames_of(hub.attach(connection, after=str(seen), as_of=hub.position))
    next(missed)

    connection.close("signed_out")

    assert list(missed) == []


def test_client_that_connects_before_a_gap_is_declared_is_refused(
    hub, append, lagging, redis_client, settings
):
    seen = append("topic:a")
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.delete(f"{{{prefix}}}:log")

    with pytest.raises(LogUnavailable):
        hub.attach(
            Connection(requested_topics=["topic:a"]), after=str(seen), as_of=seen
        )


@pytest.mark.parametrize(("missed", "count"), [(2, 3), (3, None)])
def test_count_of_a_client_that_missed_too_much_is_not_known(
    hub, append, settled, monkeypatch, missed, count
):
    monkeypatch.setattr(missed_counts, "COUNTED_FRAMES", 2)
    seen, *_ = [append("topic:a") for _ in range(1 + missed)]
    settled()

    connection, found = attach(
        hub,
        user="7",
        subscriptions=Subscriptions({"topic:a": 0}),
        unseen_count=1,
        after=seen,
    )

    assert connection.unseen_count == count
    assert unseen([sse.decode(each.body) for each in found]) == [count]


def test_log_is_read_once_for_thousands_of_reconnecting_clients(log, reads):
    seen, *missed = append_many(log, 120, "topic:a")
    hub = shared_hub()
    hub.ensure_started()

    def reconnect(number):
        return cursors(attach(hub, requested_topics=["topic:a"], after=seen)[1])

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(reconnect, range(THOUSANDS)))

    assert reads == [missed[-1], missed[-101]]
    assert got == [[*missed, missed[-1]]] * THOUSANDS


def test_client_that_missed_too_much_gets_one_reset(log, settings, monkeypatch):
    monkeypatch.setattr(older_entries, "MAX_REPLAY_ENTRIES", 100)
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REPLAY_BUFFER_BYTES": 0}
    seen, *_ = append_many(log, 250, "topic:a")
    hub = shared_hub()
    hub.ensure_started()

    _, missed = attach(hub, requested_topics=["topic:a"], after=seen)
    _, others = attach(hub, requested_topics=["topic:b"], after=seen)

    assert names(missed) == ["reset", "heartbeat"]
    assert names(others) == ["heartbeat"]


@pytest.mark.parametrize("live", [True, False], ids=["pushed", "backfilled"])
def test_history_does_not_replay_entries_that_the_log_has_trimmed(log, settings, live):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "LOG_MAX_ENTRIES": 100}
    if live:
        shared_hub().ensure_started()
    several = append_many(log, 500, "topic:a")
    hub = shared_hub()
    hub.ensure_started()
    wait_for(lambda: hub.delivered_up_to == several[-1], what="the hub")

    _, older = attach(hub, requested_topics=["topic:a"], after=several[0])
    _, recent = attach(hub, requested_topics=["topic:a"], after=several[-50])

    assert names(older) == ["reset", "heartbeat"]
    assert cursors(recent) == [*several[-49:], several[-1]]
