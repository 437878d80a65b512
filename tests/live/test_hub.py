"""The hub: pushes to its connections, control entries, and interruptions."""

import threading

import pytest

from notifications.exceptions import LogUnavailable
from notifications.live.connection import Connection, State
from notifications.live.hub import shared_hub
from notifications.live.subscriber import Subscriber
from notifications.protocol.subscriptions import Subscriptions
from tests.live.helpers import (
    append_end,
    append_follow,
    attach,
    frames_of,
    names,
    received,
)
from tests.system.server import wait_for


def test_event_is_pushed_to_the_followers_of_its_topic(hub, append):
    follower, _ = attach(hub, subscriptions=Subscriptions({"topic:a": 0}))
    other, _ = attach(hub, subscriptions=Subscriptions({"topic:b": 0}))

    cursor = append("topic:a")
    other_cursor = append("topic:b")

    assert received(follower, 1) == [cursor]
    assert received(other, 1) == [other_cursor]


def test_event_with_several_topics_is_pushed_once(hub, append):
    connection, _ = attach(hub, requested_topics=["topic:a", "topic:b", "topic:*"])

    first, last = append("topic:a", "topic:b"), append("topic:b")

    assert received(connection, 2) == [first, last]


def test_connections_share_one_frame(hub, append):
    one, _ = attach(hub, requested_topics=["topic:a"])
    two, _ = attach(hub, requested_topics=["topic:a"])

    append("topic:a")

    assert one.transport.take(seconds=10)[0] is two.transport.take(seconds=10)[0]


def test_detached_connection_gets_no_more_frames(hub, append):
    gone, _ = attach(hub, requested_topics=["topic:a"], user="7")
    stays, _ = attach(hub, requested_topics=["topic:a"])

    hub.detach(gone)
    hub.detach(gone)
    append("topic:a")

    received(stays, 1)
    assert gone.transport.take(seconds=0) == []
    assert gone.state is State.CLOSED


def test_follow_applies_to_open_streams(hub, append, log):
    connection, _ = attach(hub, user="7")

    append_follow(log, "7", "topic:a", "follow")
    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]


def test_unfollow_and_mute_apply_to_open_streams(hub, append, log):
    connection, _ = attach(
        hub,
        user="7",
        requested_topics=["topic:c"],
        subscriptions=Subscriptions({"topic:a": 0, "topic:b": 0}),
    )

    append_follow(log, "7", "topic:a", "")
    append_follow(log, "7", "topic:b", "mute")
    append("topic:a")
    append("topic:b", "topic:c")
    cursor = append("topic:c")

    assert received(connection, 1) == [cursor]


def test_follow_of_another_person_changes_nothing(hub, append, log):
    connection, _ = attach(hub, user="7", requested_topics=["topic:b"])

    append_follow(log, "8", "topic:a", "follow")
    append("topic:a")
    cursor = append("topic:b")

    assert received(connection, 1) == [cursor]


def test_follow_made_while_follows_were_loaded_is_applied(hub, append, log):
    hub.ensure_started()
    as_of = hub.position
    changed = append_follow(log, "7", "topic:a", "follow")
    wait_for(lambda: hub.delivered_up_to == changed, what="the hub")
    connection = Connection(Subscriber(user="7"))

    hub.attach(connection, after=None, as_of=as_of)
    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]


def test_unreadable_entries_are_skipped_and_counted(hub, append, log):
    connection, _ = attach(hub, requested_topics=["topic:a"])

    two_lines = b'{"entry":"update","uid":"u","topics":["topic:a"],"id":"1\\n2"}'
    log.append([("poison", b"\x80\x04]"), ("deep", b"[" * 10_000), ("u", two_lines)])
    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]
    assert hub.unreadable == 3


def test_emptied_log_resets_every_stream(hub, append, redis_client, settings):
    connection, _ = attach(hub, requested_topics=["topic:a"])
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    redis_client.delete(f"{{{prefix}}}:log")

    [reset] = connection.transport.take(seconds=30)
    assert names([reset]) == ["reset"]
    wait_for(lambda: hub.delivered_up_to == reset.cursor, what="the hub")
    assert connection.close_reason == "gap"
    again, missed = attach(hub, requested_topics=["topic:a"], after=reset.cursor)
    cursor = append("topic:a")
    assert names(missed) == ["heartbeat"]
    assert received(again, 1) == [cursor]


def test_gap_that_is_declared_in_the_log_resets_every_stream(hub, append, log):
    connection, _ = attach(hub, requested_topics=["topic:a"])
    before = append("topic:a")

    log.recovery().declare_gap("another")

    wait_for(lambda: connection.close_reason == "gap", what="the gap")
    found = connection.transport.take(seconds=0)
    assert names(found) == ["tick", "reset"]
    again, missed = attach(hub, requested_topics=["topic:a"], after=found[-1].cursor)
    cursor = append("topic:a")
    assert names(missed) == ["heartbeat"]
    assert received(again, 1) == [cursor]
    _, missed = attach(hub, requested_topics=["topic:a"], after=before)
    assert names(missed) == ["reset", "heartbeat"]


def test_gap_is_declared_although_redis_failed_the_first_time(
    hub, append, log, monkeypatch
):
    def clear():
        failures.append(1)
        if len(failures) == 1:
            raise LogUnavailable("not yet")

    failures = []
    monkeypatch.setattr(log, "clear_session_stores", clear)
    connection, _ = attach(hub, requested_topics=["topic:a"])

    log.recovery().declare_gap("another")
    append("topic:a")

    wait_for(lambda: connection.close_reason == "gap", what="the gap")
    assert len(failures) == 2


def test_hub_continues_from_its_position_when_redis_is_back(hub, append, link):
    connection, _ = attach(hub, requested_topics=["topic:a"])
    first = append("topic:a")
    assert received(connection, 1) == [first]

    link.cut()
    wait_for(lambda: hub.interrupted, what="the interruption")
    link.mend()
    second = append("topic:a")

    assert received(connection, 1) == [second]
    wait_for(lambda: not hub.interrupted, what="the link")


def test_hub_does_not_start_without_redis(no_redis):
    with pytest.raises(LogUnavailable):
        shared_hub().ensure_started()


def test_stopped_hub_closes_its_connections_and_can_start_again(hub, append):
    connection, _ = attach(hub, requested_topics=["topic:a"])

    hub.stop()

    assert connection.state is State.CLOSED
    hub.ensure_started()
    again, _ = attach(hub, requested_topics=["topic:a"])
    cursor = append("topic:a")
    assert received(again, 1) == [cursor]


def test_sign_out_ends_only_the_streams_of_its_session(hub, append, log):
    ended, _ = attach(hub, user="7", session="one", requested_topics=["topic:a"])
    other, _ = attach(hub, user="7", session="two", requested_topics=["topic:a"])
    stranger, _ = attach(hub, user="8", session="one", requested_topics=["topic:a"])

    append_end(log, "7", session="one")
    cursor = append("topic:a")

    assert received(other, 1) == received(stranger, 1) == [cursor]
    assert ended.close_reason == "signed_out"
    assert ended.transport.take(seconds=0) == []


def test_login_that_ended_while_it_was_looked_up_gets_no_frames(hub, log):
    hub.ensure_started()
    as_of = hub.position
    ended = append_end(log, "7")
    wait_for(lambda: hub.delivered_up_to == ended, what="the hub")
    connection = Connection(Subscriber(user="7"))

    missed = list(frames_of(hub.attach(connection, after=str(as_of), as_of=as_of)))

    assert connection.close_reason == "signed_out"
    assert missed == []


def test_stopped_hub_attaches_no_connection(hub):
    hub.ensure_started()
    position = hub.position
    hub.stop()

    with pytest.raises(LogUnavailable):
        hub.attach(Connection(requested_topics=["topic:a"]), after=None, as_of=position)

    assert hub.connection_count == 0


def test_hub_starts_once_the_process_may_have_another_thread(log, append, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(threading.Thread, "start", refuse)
        shared_hub().ensure_started()

    shared_hub().ensure_started()

    connection, _ = attach(shared_hub(), requested_topics=["topic:a"])
    cursor = append("topic:a")
    assert received(connection, 1) == [cursor]


def refuse(thread):
    raise RuntimeError("can't start new thread")
