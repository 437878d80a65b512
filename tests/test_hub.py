import threading
import uuid

import pytest

from notifications import entries
from notifications.connection import Connection, Following, Reader, State
from notifications.exceptions import LogUnavailable
from notifications.hub import shared_hub
from tests.live.server import wait_for


@pytest.fixture
def hub(log):
    hub = shared_hub()
    hub.start()
    return hub


@pytest.fixture
def append(log):
    """A function that appends an event and returns its cursor."""

    def append(*topics, **fields):
        entry = entries.EventEntry(
            uid=uuid.uuid4().hex, type="tick", topics=topics, data="{}", **fields
        )
        return put(log, entry)

    return append


def put(log, entry):
    [cursor] = log.append([(entry.uid, entries.encode(entry))])
    return cursor


def put_follow(log, user, topic, level):
    uid = uuid.uuid4().hex
    return put(log, entries.FollowEntry(uid=uid, user=user, topic=topic, level=level))


def put_end(log, user, **options):
    uid = uuid.uuid4().hex
    return put(
        log, entries.EndEntry(uid=uid, user=user, reason="signed_out", **options)
    )


def attach(hub, *, after=None, user="", session="", **options):
    connection = Connection(Reader(user=user, session=session), **options)
    after = None if after is None else str(after)
    missed = list(hub.attach(connection, after=after, as_of=hub.start()))
    return connection, missed


def names(frames):
    return [
        frame.body.split(b"event: ")[1].split(b"\n")[0].decode() for frame in frames
    ]


def cursors(frames):
    return [frame.cursor for frame in frames]


def received(connection, count):
    frames = []
    wait_for(
        lambda: len(frames) >= count or frames.extend(connection.take(seconds=0.1)),
        what=f"{count} frames",
    )
    return cursors(frames)


def test_an_event_is_pushed_to_who_follows_its_topic(hub, append):
    follower, _ = attach(hub, follows={"topic:a": Following("follow")})
    other, _ = attach(hub, follows={"topic:b": Following("follow")})

    cursor = append("topic:a")
    other_cursor = append("topic:b")

    assert received(follower, 1) == [cursor]
    assert received(other, 1) == [other_cursor]


def test_an_event_to_several_topics_comes_once(hub, append):
    connection, _ = attach(hub, asked=["topic:a", "topic:b", "topic:*"])

    first, last = append("topic:a", "topic:b"), append("topic:b")

    assert received(connection, 2) == [first, last]


def test_one_frame_is_shared_by_all(hub, append):
    one, _ = attach(hub, asked=["topic:a"])
    two, _ = attach(hub, asked=["topic:a"])

    append("topic:a")

    assert one.take(seconds=10)[0] is two.take(seconds=10)[0]


def test_a_detached_connection_gets_nothing_more(hub, append):
    gone, _ = attach(hub, asked=["topic:a"], user="7")
    stays, _ = attach(hub, asked=["topic:a"])

    hub.detach(gone)
    hub.detach(gone)
    append("topic:a")

    received(stays, 1)
    assert gone.take(seconds=0) == []
    assert gone.state is State.CLOSED


def test_a_new_client_missed_nothing_and_learns_where_it_is(hub):
    position = hub.start()

    _, missed = attach(hub, asked=["topic:a"])

    assert names(missed) == ["heartbeat"]
    assert cursors(missed) == [position]


def test_a_client_that_comes_back_gets_exactly_what_it_missed(hub, append):
    seen = append("topic:a")
    missed_one = append("topic:a")
    append("topic:b")
    missed_two = append("topic:a")
    wait_for(lambda: hub.settled == missed_two, what="the hub")

    _, missed = attach(hub, asked=["topic:a"], after=seen)

    assert names(missed) == ["tick", "tick", "heartbeat"]
    assert cursors(missed) == [missed_one, missed_two, missed_two]


@pytest.fixture
def lagging(hub, log, monkeypatch):
    """Lets the hub read nothing from now on."""
    begun, pause = threading.Event(), threading.Event()

    def wait(after, *, seconds):
        begun.set()
        pause.wait(0.05)
        return []

    monkeypatch.setattr(log, "wait", wait)
    # The read before it has ended then.
    assert begun.wait(30)


def test_a_page_newer_than_the_hub_gets_nothing_twice(hub, lagging, append):
    behind = hub.start()
    seen = append("topic:a")
    connection = Connection(asked=["topic:a"])

    missed = list(hub.attach(connection, after=str(seen), as_of=behind))

    assert cursors(missed) == [seen]
    assert names(missed) == ["heartbeat"]
    assert connection.reached(behind) == seen


@pytest.mark.parametrize(
    "cursor", ["0-0", "1-1", "99999999999999-0", "", "x", "-1-1", "1" * 1_000_000, "\0"]
)
def test_a_cursor_that_proves_nothing_gets_one_reset(hub, append, cursor):
    append("topic:a")

    _, missed = attach(hub, asked=["topic:a"], after=cursor)

    assert names(missed) == ["reset", "heartbeat"]


def test_after_a_reset_live_events_come(hub, append):
    connection, _ = attach(hub, asked=["topic:a"], after="99999999999999-0")

    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]


def test_a_trimmed_cursor_gets_one_reset(hub, append, redis_client, settings):
    seen, *_, newest = [append("topic:a") for _ in range(3)]
    wait_for(lambda: hub.settled == newest, what="the hub")
    connection = Connection(asked=["topic:a"])
    missed = hub.attach(connection, after=str(seen), as_of=hub.start())
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.xdel(f"{{{prefix}}}:log", str(seen))

    assert names(missed) == ["reset", "heartbeat"]


def test_a_follow_applies_to_open_streams(hub, append, log):
    connection, _ = attach(hub, user="7")

    put_follow(log, "7", "topic:a", "follow")
    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]


def test_an_unfollow_and_a_mute_apply_to_open_streams(hub, append, log):
    connection, _ = attach(
        hub,
        user="7",
        asked=["topic:c"],
        follows={"topic:a": Following("follow"), "topic:b": Following("follow")},
    )

    put_follow(log, "7", "topic:a", "")
    put_follow(log, "7", "topic:b", "mute")
    append("topic:a")
    append("topic:b", "topic:c")
    cursor = append("topic:c")

    assert received(connection, 1) == [cursor]


def test_a_follow_of_somebody_else_changes_nothing(hub, append, log):
    connection, _ = attach(hub, user="7", asked=["topic:b"])

    put_follow(log, "8", "topic:a", "follow")
    append("topic:a")
    cursor = append("topic:b")

    assert received(connection, 1) == [cursor]


def test_a_follow_made_while_follows_were_loaded_is_not_lost(hub, append, log):
    as_of = hub.start()
    changed = put_follow(log, "7", "topic:a", "follow")
    wait_for(lambda: hub.settled == changed, what="the hub")
    connection = Connection(Reader(user="7"))

    hub.attach(connection, after=None, as_of=as_of)
    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]


def test_poison_in_the_log_is_skipped_and_counted(hub, append, log):
    connection, _ = attach(hub, asked=["topic:a"])

    log.append([("poison", b"\x80\x04]"), ("deep", b"[" * 10_000)])
    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]
    assert hub.unreadable == 2


def test_a_log_that_is_emptied_resets_every_stream(hub, append, redis_client, settings):
    connection, _ = attach(hub, asked=["topic:a"])
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    redis_client.delete(f"{{{prefix}}}:log")

    [reset] = connection.take(seconds=30)
    assert names([reset]) == ["reset"]
    assert connection.close_reason == "gap"
    wait_for(lambda: hub.settled == reset.cursor, what="the hub")
    again, missed = attach(hub, asked=["topic:a"], after=reset.cursor)
    cursor = append("topic:a")
    assert names(missed) == ["heartbeat"]
    assert received(again, 1) == [cursor]


def test_the_hub_reads_on_where_it_was_when_redis_comes_back(hub, append, link):
    connection, _ = attach(hub, asked=["topic:a"])
    first = append("topic:a")
    assert received(connection, 1) == [first]

    link.cut()
    wait_for(lambda: hub.interrupted, what="the interruption")
    link.mend()
    second = append("topic:a")

    assert received(connection, 1) == [second]
    wait_for(lambda: not hub.interrupted, what="the link")


def test_without_redis_nothing_can_be_attached(hub, link, log):
    position = hub.start()
    link.cut()
    connection = Connection(asked=["topic:a"])

    with pytest.raises(LogUnavailable):
        hub.attach(connection, after=str(position), as_of=position)

    assert connection.state is State.OPEN


def test_a_hub_that_never_reached_the_log_does_not_start(no_redis):
    with pytest.raises(LogUnavailable):
        shared_hub().start()


def test_stopping_closes_the_connections_and_it_starts_again(hub, append):
    connection, _ = attach(hub, asked=["topic:a"])

    hub.stop()

    assert connection.state is State.CLOSED
    again, _ = attach(hub, asked=["topic:a"])
    cursor = append("topic:a")
    assert received(again, 1) == [cursor]


def test_redis_lost_in_the_middle_of_a_replay_ends_the_stream(hub, append, link):
    seen, *_, newest = [append("topic:a") for _ in range(3)]
    wait_for(lambda: hub.settled == newest, what="the hub")
    connection = Connection(asked=["topic:a"])
    missed = hub.attach(connection, after=str(seen), as_of=hub.start())
    link.cut()

    assert list(missed) == []
    assert connection.state is State.CLOSED


def test_a_sign_out_ends_the_streams_of_its_session_alone(hub, append, log):
    ended, _ = attach(hub, user="7", session="one", asked=["topic:a"])
    other, _ = attach(hub, user="7", session="two", asked=["topic:a"])
    stranger, _ = attach(hub, user="8", session="one", asked=["topic:a"])

    put_end(log, "7", session="one")
    cursor = append("topic:a")

    assert received(other, 1) == received(stranger, 1) == [cursor]
    assert ended.close_reason == "signed_out"
    assert ended.take(seconds=0) == []


def test_a_right_that_ended_while_it_was_looked_up_is_not_given(hub, log):
    as_of = hub.start()
    ended = put_end(log, "7")
    wait_for(lambda: hub.settled == ended, what="the hub")
    connection = Connection(Reader(user="7"))

    missed = list(hub.attach(connection, after=str(as_of), as_of=as_of))

    assert connection.close_reason == "signed_out"
    assert missed == []


def test_a_replay_stops_when_the_right_ends(hub, append):
    seen, *_, newest = [append("topic:a") for _ in range(3)]
    wait_for(lambda: hub.settled == newest, what="the hub")
    connection = Connection(asked=["topic:a"])
    missed = hub.attach(connection, after=str(seen), as_of=hub.start())
    next(missed)

    connection.close("signed_out")

    assert list(missed) == []


def test_who_comes_before_a_gap_is_declared_gets_no_second_reset(
    hub, append, lagging, redis_client, settings
):
    seen = append("topic:a")
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.delete(f"{{{prefix}}}:log")

    with pytest.raises(LogUnavailable):
        hub.attach(Connection(asked=["topic:a"]), after=str(seen), as_of=seen)


def test_a_hub_that_does_not_read_takes_no_one(hub):
    position = hub.start()
    hub.stop()

    with pytest.raises(LogUnavailable):
        hub.attach(Connection(asked=["topic:a"]), after=None, as_of=position)

    assert hub.connected == 0
