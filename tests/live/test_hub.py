import itertools
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifications.exceptions import LogUnavailable
from notifications.lib.time_slice import ITEMS_PER_CLOCK_READ, TimeSlicer
from notifications.live import replay
from notifications.live.connection import Connection, State
from notifications.live.hub import ROUTE_CONNECTIONS, Hub, shared_hub
from notifications.live.subscriber import Subscriber, Subscriptions
from notifications.protocol import entries, frames
from tests.system.server import wait_for

# Enough connections for several pauses in one push.
MANY = 5 * ITEMS_PER_CLOCK_READ
THOUSANDS = 2_000


@pytest.fixture
def hub(log):
    hub = shared_hub()
    hub.ensure_started()
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
    connection = Connection(Subscriber(user=user, session=session), **options)
    after = None if after is None else str(after)
    missed = frames_of(hub.attach(connection, after=after, as_of=hub.position))
    return connection, list(missed)


def frames_of(batches):
    """Yield the frames of the batches one by one."""
    for batch in batches:
        yield from batch.frames


def names(frames):
    return [
        frame.body.split(b"event: ")[1].split(b"\n")[0].decode() for frame in frames
    ]


def cursors(frames):
    return [frame.cursor for frame in frames]


def received(connection, count):
    frames = []
    wait_for(
        lambda: (
            len(frames) >= count
            or frames.extend(connection.transport.take(seconds=0.1))
        ),
        what=f"{count} frames",
    )
    return cursors(frames)


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


@pytest.fixture
def lagging(hub, log, monkeypatch):
    """A hub that reads nothing from now on."""
    begun, pause = threading.Event(), threading.Event()

    def wait(after, *, seconds):
        begun.set()
        pause.wait(0.05)
        return []

    monkeypatch.setattr(log, "wait", wait)
    # The previous read has ended by then.
    assert begun.wait(30)


def test_page_that_is_ahead_of_the_hub_gets_no_frame_twice(hub, lagging, append):
    hub.ensure_started()
    behind = hub.position
    seen = append("topic:a")
    connection = Connection(requested_topics=["topic:a"])

    missed = list(frames_of(hub.attach(connection, after=str(seen), as_of=behind)))

    assert cursors(missed) == [seen]
    assert names(missed) == ["heartbeat"]
    assert connection.reached(behind) == seen


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


def test_follow_applies_to_open_streams(hub, append, log):
    connection, _ = attach(hub, user="7")

    put_follow(log, "7", "topic:a", "follow")
    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]


def test_unfollow_and_mute_apply_to_open_streams(hub, append, log):
    connection, _ = attach(
        hub,
        user="7",
        requested_topics=["topic:c"],
        subscriptions=Subscriptions({"topic:a": 0, "topic:b": 0}),
    )

    put_follow(log, "7", "topic:a", "")
    put_follow(log, "7", "topic:b", "mute")
    append("topic:a")
    append("topic:b", "topic:c")
    cursor = append("topic:c")

    assert received(connection, 1) == [cursor]


def test_follow_of_another_person_changes_nothing(hub, append, log):
    connection, _ = attach(hub, user="7", requested_topics=["topic:b"])

    put_follow(log, "8", "topic:a", "follow")
    append("topic:a")
    cursor = append("topic:b")

    assert received(connection, 1) == [cursor]


def test_follow_made_while_follows_were_loaded_is_applied(hub, append, log):
    hub.ensure_started()
    as_of = hub.position
    changed = put_follow(log, "7", "topic:a", "follow")
    wait_for(lambda: hub.delivered_up_to == changed, what="the hub")
    connection = Connection(Subscriber(user="7"))

    hub.attach(connection, after=None, as_of=as_of)
    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]


def test_unreadable_entries_are_skipped_and_counted(hub, append, log):
    connection, _ = attach(hub, requested_topics=["topic:a"])

    log.append([("poison", b"\x80\x04]"), ("deep", b"[" * 10_000)])
    cursor = append("topic:a")

    assert received(connection, 1) == [cursor]
    assert hub.unreadable == 2


def test_emptied_log_resets_every_stream(hub, append, redis_client, settings):
    connection, _ = attach(hub, requested_topics=["topic:a"])
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    redis_client.delete(f"{{{prefix}}}:log")

    [reset] = connection.transport.take(seconds=30)
    assert names([reset]) == ["reset"]
    assert connection.close_reason == "gap"
    wait_for(lambda: hub.delivered_up_to == reset.cursor, what="the hub")
    again, missed = attach(hub, requested_topics=["topic:a"], after=reset.cursor)
    cursor = append("topic:a")
    assert names(missed) == ["heartbeat"]
    assert received(again, 1) == [cursor]


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


def test_losing_redis_during_a_replay_ends_the_stream(append, link):
    seen, *_ = [append("topic:a") for _ in range(3)]
    hub = shared_hub()
    hub.ensure_started()
    connection = Connection(requested_topics=["topic:a"])
    missed = frames_of(hub.attach(connection, after=str(seen), as_of=hub.position))
    link.cut()

    assert list(missed) == []
    assert connection.state is State.CLOSED


def test_sign_out_ends_only_the_streams_of_its_session(hub, append, log):
    ended, _ = attach(hub, user="7", session="one", requested_topics=["topic:a"])
    other, _ = attach(hub, user="7", session="two", requested_topics=["topic:a"])
    stranger, _ = attach(hub, user="8", session="one", requested_topics=["topic:a"])

    put_end(log, "7", session="one")
    cursor = append("topic:a")

    assert received(other, 1) == received(stranger, 1) == [cursor]
    assert ended.close_reason == "signed_out"
    assert ended.transport.take(seconds=0) == []


def test_login_that_ended_while_it_was_looked_up_gets_no_frames(hub, log):
    hub.ensure_started()
    as_of = hub.position
    ended = put_end(log, "7")
    wait_for(lambda: hub.delivered_up_to == ended, what="the hub")
    connection = Connection(Subscriber(user="7"))

    missed = list(frames_of(hub.attach(connection, after=str(as_of), as_of=as_of)))

    assert connection.close_reason == "signed_out"
    assert missed == []


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


def test_stopped_hub_attaches_no_connection(hub):
    hub.ensure_started()
    position = hub.position
    hub.stop()

    with pytest.raises(LogUnavailable):
        hub.attach(Connection(requested_topics=["topic:a"]), after=None, as_of=position)

    assert hub.connection_count == 0


# A push to many connections, which pauses for other threads.


def append_many(log, count, *topics):
    """Append `count` events at once; return their cursors."""
    several = [
        entries.EventEntry(
            uid=uuid.uuid4().hex, type="tick", topics=topics, data=f'{{"n":{number}}}'
        )
        for number in range(count)
    ]
    return log.append([(each.uid, entries.encode(each)) for each in several])


@pytest.fixture(params=[ROUTE_CONNECTIONS, 1], ids=["one round", "several rounds"])
def pausing(log, request, monkeypatch):
    """A hub that pauses as often as possible, and the work to do in each pause."""
    monkeypatch.setattr("notifications.live.hub.ROUTE_CONNECTIONS", request.param)
    work = []
    # Each reading of the clock is one second after the last.
    time_slicer = TimeSlicer(
        pause=lambda: work and work.pop(0)(), clock=itertools.count().__next__
    )
    hub = Hub(log, time_slicer=time_slicer)
    hub.ensure_started()
    yield hub, work
    hub.stop()


def waiting_cursors(connection):
    """Return the cursors of all waiting frames, in order."""
    return cursors(connection.transport.take(seconds=0))


def test_client_that_connects_during_a_push_gets_each_event_once(log, pausing):
    hub, work = pausing
    seen = put_follow(log, "nobody", "topic:a", "follow")
    wait_for(lambda: hub.delivered_up_to == seen, what="the hub")
    before = [attach(hub, requested_topics=["topic:a"])[0] for _ in range(MANY)]
    connected = []

    def connect():
        for after in (seen, None):
            connection, missed = attach(hub, requested_topics=["topic:a"], after=after)
            live = [each.cursor for each in missed if b"event: tick" in each.body]
            connected.append((after, connection, live))

    work += [connect] * (MANY // ITEMS_PER_CLOCK_READ)
    pushed = append_many(log, 5, "topic:a")
    wait_for(lambda: hub.delivered_up_to == pushed[-1], what="the push")
    later = append_many(log, 5, "topic:a")
    wait_for(lambda: hub.delivered_up_to == later[-1], what="the push")

    assert work == []
    assert len(connected) == 2 * (MANY // ITEMS_PER_CLOCK_READ)
    assert [waiting_cursors(each) for each in before] == [[*pushed, *later]] * MANY
    for after, connection, missed in connected:
        got = missed + waiting_cursors(connection)
        expected = [*pushed, *later]
        # Without a cursor, it gets the events after it connected.
        assert got == (expected if after else expected[len(expected) - len(got) :])
        assert got[-5:] == later


def test_client_that_leaves_during_a_push_does_not_affect_others(log, pausing):
    hub, work = pausing
    several = [attach(hub, requested_topics=["topic:a"])[0] for _ in range(MANY)]
    leaving = several[::3]
    staying = [each for each in several if each not in leaving]

    def leave():
        for connection in leaving:
            hub.detach(connection)

    work.append(leave)
    pushed = append_many(log, 5, "topic:a")
    wait_for(lambda: hub.delivered_up_to == pushed[-1], what="the push")

    assert [waiting_cursors(each) for each in staying] == [pushed] * len(staying)
    for connection in leaving:
        got = waiting_cursors(connection)
        assert got == pushed[: len(got)]
    assert hub.connection_count == len(staying)


def test_end_entry_during_a_push_takes_effect_after_it(log, pausing):
    hub, work = pausing
    several = [
        attach(hub, requested_topics=["topic:a"], user="7")[0] for _ in range(MANY)
    ]
    work.append(lambda: put_end(log, "7"))

    pushed = append_many(log, 3, "topic:a")

    wait_for(
        lambda: {each.close_reason for each in several} == {"signed_out"},
        what="the end of the streams",
    )
    assert hub.delivered_up_to > pushed[-1]


def test_heartbeat_has_no_cursor_during_a_push(log, pausing):
    hub, work = pausing
    several = [attach(hub, requested_topics=["topic:a"])[0] for _ in range(MANY)]
    heartbeats = []
    work.append(lambda: heartbeats.append(hub.heartbeat(several[0])))

    [pushed] = append_many(log, 1, "topic:a")
    wait_for(lambda: hub.delivered_up_to == pushed, what="the push")

    assert heartbeats[0].frames == (frames.heartbeat(),)
    assert hub.heartbeat(several[0]).frames == (frames.heartbeat(pushed),)
    assert hub.heartbeat(several[0]) is hub.heartbeat(several[1])


def test_gap_is_declared_to_every_connection(log, pausing, redis_client, settings):
    hub, work = pausing
    several = [attach(hub, requested_topics=["topic:a"])[0] for _ in range(MANY)]
    work.append(lambda: [hub.detach(each) for each in several[-10:]])
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]

    redis_client.delete(f"{{{prefix}}}:log")

    staying = several[:-10]
    wait_for(lambda: all(each.close_reason for each in staying), what="the gap")
    # Some of the connections that left may have been notified before.
    assert {each.close_reason for each in staying} == {"gap"}
    assert all(names(each.transport.take(seconds=0)) == ["reset"] for each in staying)


# Many clients that reconnect.


@pytest.fixture
def reads(log, monkeypatch):
    """The cursors from which older entries were read."""
    found, read = [], log.read

    def counted(after, **options):
        found.append(after)
        return read(after, **options)

    monkeypatch.setattr(log, "read", counted)
    return found


def test_log_is_read_once_for_thousands_of_reconnecting_clients(log, reads):
    seen, *missed = append_many(log, 120, "topic:a")
    hub = shared_hub()
    hub.ensure_started()

    def reconnect(number):
        return cursors(attach(hub, requested_topics=["topic:a"], after=seen)[1])

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(reconnect, range(THOUSANDS)))

    assert reads == [seen]
    assert got == [[*missed, missed[-1]]] * THOUSANDS


def test_client_with_an_older_cursor_reads_only_the_lacking_entries(log, reads):
    oldest, *_ = append_many(log, 150, "topic:a")
    seen, *_ = append_many(log, 150, "topic:a")
    hub = shared_hub()
    hub.ensure_started()

    for after in (seen, oldest, seen, oldest):
        attach(hub, requested_topics=["topic:a"], after=after)

    assert reads == [seen, oldest]


def test_too_many_missed_entries_are_read_for_each_client(log, reads, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REPLAY_BUFFER_BYTES": 10_000}
    seen, *missed = append_many(log, 250, "topic:a")
    hub = shared_hub()
    hub.ensure_started()

    got = [attach(hub, requested_topics=["topic:a"], after=seen)[1] for _ in range(3)]

    assert [cursors(each) for each in got] == [[*missed, missed[-1]]] * 3
    # The first client reads twice: once to find out that they are too many.
    assert len(reads) == 4


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
