import pytest

from notifications.live.connection import Connection
from notifications.live.routing import RoutingTable
from notifications.live.subscriber import Subscriber
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import FollowEntry
from notifications.protocol.frames import Frame
from notifications.protocol.subscriptions import Subscriptions
from notifications.protocol.topics import EVERYONE


def frame(number, *topics, actor="", already_told=None):
    return Frame(Cursor(number, 0), b"%d" % number, topics, actor, already_told or {})


def follows(**levels):
    return Subscriptions.of((f"topic:{key}", level, 0) for key, level in levels.items())


def change(routing, connection, topic, level, *, at=1):
    entry = FollowEntry(uid="1", user=connection.user, topic=topic, level=level)
    routing.change(connection, entry, Cursor(at, 0))


def sent(routing, *frames):
    """Return which frames each connection is sent, by their numbers."""
    return {
        connection: [each.cursor.milliseconds for each in batch.frames]
        for batch, connections in routing.fan_outs(frames)
        for connection in connections
    }


@pytest.fixture
def routing():
    return RoutingTable()


@pytest.fixture
def add(routing):
    """A function that adds a connection and returns it."""

    def add(user="", **options):
        connection = Connection(Subscriber(user=user), **options)
        routing.add(connection)
        return connection

    return add


def is_empty(routing):
    """Tell whether the table keeps no connection anywhere."""
    kept = (routing._all, routing._people, routing._bells)
    return not any((*kept, routing._following, routing._muting, routing._not_live))


def test_follow_takes_effect_at_its_moment_when_the_event_before_it_is_read_later(
    routing, add
):
    before, after = (
        add(user, subscriptions=Subscriptions.of([("topic:a", "follow", since)]))
        for user, since in (("7", 5), ("8", 6))
    )
    requested = add(requested_topics=["topic:a"])

    assert sent(routing, frame(5, "topic:a"), frame(6, "topic:a")) == {
        before: [5, 6],
        requested: [5, 6],
        after: [6],
    }


def test_each_connection_is_sent_its_topics(routing, add):
    one, both, kind = (
        add(requested_topics=["topic:a"]),
        add(requested_topics=["topic:a", "topic:b"]),
        add(requested_topics=["topic:*"]),
    )
    add(requested_topics=["topic:c", "user:*"])

    found = sent(routing, frame(1, "topic:a"), frame(2, "topic:b"))

    assert found == {one: [1], both: [1, 2], kind: [1, 2]}


def test_connections_with_equal_frames_share_one_batch(routing, add):
    several = [add(requested_topics=["topic:a"]) for _ in range(3)]
    another = add(requested_topics=["topic:*"])

    fan_outs = routing.fan_outs([frame(1, "topic:a"), frame(2, "topic:b")])

    assert len(fan_outs) == 2
    assert sorted((len(connections) for _, connections in fan_outs)) == [1, 3]
    [(batch, found)] = [fan_out for fan_out in fan_outs if another not in fan_out[1]]
    assert {*found} == {*several}
    assert batch.body == b"1"


def test_no_frames_or_no_followers_give_no_fan_out(routing, add):
    add(requested_topics=["topic:a"])

    assert routing.fan_outs([]) == []
    assert routing.fan_outs([frame(1, "topic:b"), frame(2)]) == []


def test_frame_with_two_topics_is_sent_once(routing, add):
    connection = add(requested_topics=["topic:a", "topic:b", "topic:*"])

    assert sent(routing, frame(1, "topic:a", "topic:b")) == {connection: [1]}


def test_actor_is_not_sent_their_own_frame(routing, add):
    add("7", requested_topics=["topic:a"])
    other, nobody = (
        add("8", requested_topics=["topic:a"]),
        add(requested_topics=["topic:a"]),
    )

    found = sent(routing, frame(1, "topic:a", actor="7"))

    assert found == {other: [1], nobody: [1]}


def test_only_frames_with_muted_topics_are_left_out(routing, add):
    connection = add("7", subscriptions=follows(a="follow", b="mute"))
    frames = [frame(1, "topic:a"), frame(2, "topic:a", "topic:b"), frame(3, "topic:b")]

    assert sent(routing, *frames) == {connection: [1]}


def test_mute_of_an_already_told_topic_applies(routing, add):
    add("7", subscriptions=follows(a="follow", b="mute"))

    assert sent(routing, frame(1, "topic:a", already_told={"topic:b": 5})) == {}


def test_already_told_connection_is_left_out(routing, add):
    add("7", subscriptions=Subscriptions({"topic:a": 0, "topic:b": 5}))
    late = add("8", subscriptions=Subscriptions({"topic:a": 0, "topic:b": 6}))

    found = sent(routing, frame(1, "topic:a", already_told={"topic:b": 5}))

    assert found == {late: [1]}


def test_removed_connection_is_sent_nothing_and_leaves_nothing_behind(routing, add):
    first = add(
        "7", requested_topics=["topic:*"], subscriptions=follows(a="follow", b="mute")
    )
    second = add("7", subscriptions=follows(a="follow"))

    routing.remove(first)
    routing.remove(first)

    assert sent(routing, frame(1, "topic:a")) == {second: [1]}
    assert routing.of("7") == (second,)
    routing.remove(second)
    assert is_empty(routing)
    assert len(routing) == 0


def test_change_of_follows_applies_to_the_next_frame(routing, add):
    connection = add("7", subscriptions=follows(a="follow"))

    change(routing, connection, "topic:b", "follow")
    change(routing, connection, "topic:a", "")

    found = sent(routing, frame(1, "topic:a"), frame(2, "topic:b"))
    assert found == {connection: [2]}


def test_ended_follows_leave_nothing_behind(routing, add):
    connection = add("7")
    for number in range(50):
        change(routing, connection, f"topic:{number}", "follow")
        change(routing, connection, f"topic:{number}", "mute")
        change(routing, connection, f"topic:{number}", "")

    assert (set(routing._following), routing._muting) == ({EVERYONE}, {})
    routing.remove(connection)
    assert is_empty(routing)


def test_change_does_not_add_a_removed_connection_again(routing, add):
    connection = add("7")
    routing.remove(connection)

    change(routing, connection, "topic:a", "follow")

    assert connection.selectors == {"topic:a", EVERYONE}
    assert is_empty(routing)


def test_audience_has_the_selectors_with_connections(routing, add):
    add(requested_topics=["topic:a", "topic:*"])
    add(requested_topics=["topic:a"])

    audience = routing.audience(["topic:a", "user:1"])

    assert audience == ("topic:*", "topic:a")
    assert routing.audience_size(audience) == 3
    assert routing.audience_size(()) == 0
