import pytest

from notifications.live.connection import Connection
from notifications.live.routing import RoutingTable
from notifications.live.subscriber import Subscriber, Subscriptions
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import FollowEntry
from notifications.protocol.frames import Frame
from notifications.protocol.topics import EVERYONE


def frame(number, *topics, actor="", told=None):
    return Frame(Cursor(number, 0), b"%d" % number, topics, actor, told or {})


def follows(**levels):
    return Subscriptions.of((f"topic:{key}", level, 0) for key, level in levels.items())


def change(routes, connection, topic, level, *, at=1):
    entry = FollowEntry(uid="1", user=connection.user, topic=topic, level=level)
    routes.change(connection, entry, Cursor(at, 0))


def sent(routes, *frames):
    """Return which frames each connection is sent, by their numbers."""
    return {
        connection: [each.cursor.milliseconds for each in batch.frames]
        for batch, connections in routes.fan_outs(frames)
        for connection in connections
    }


@pytest.fixture
def routes():
    return RoutingTable()


@pytest.fixture
def add(routes):
    """A function that adds a connection, of a person or not, and returns it."""

    def add(user="", **options):
        connection = Connection(Subscriber(user=user), **options)
        routes.add(connection)
        return connection

    return add


def is_empty(routes):
    """Tell whether nothing is left of anybody."""
    kept = (routes._all, routes._people, routes._bells)
    return not any((*kept, routes._following, routes._muting, routes._not_live))


def test_each_is_sent_what_it_hears(routes, add):
    one, both, kind = (
        add(requested_topics=["topic:a"]),
        add(requested_topics=["topic:a", "topic:b"]),
        add(requested_topics=["topic:*"]),
    )
    add(requested_topics=["topic:c", "user:*"])

    found = sent(routes, frame(1, "topic:a"), frame(2, "topic:b"))

    assert found == {one: [1], both: [1, 2], kind: [1, 2]}


def test_those_who_get_the_same_share_one_batch(routes, add):
    several = [add(requested_topics=["topic:a"]) for _ in range(3)]
    another = add(requested_topics=["topic:*"])

    shares = routes.fan_outs([frame(1, "topic:a"), frame(2, "topic:b")])

    assert len(shares) == 2
    assert sorted((len(connections) for _, connections in shares)) == [1, 3]
    [(batch, found)] = [share for share in shares if another not in share[1]]
    assert {*found} == {*several}
    assert batch.body == b"1"


def test_of_no_frames_and_of_frames_for_nobody_there_is_no_share(routes, add):
    add(requested_topics=["topic:a"])

    assert routes.fan_outs([]) == []
    assert routes.fan_outs([frame(1, "topic:b"), frame(2)]) == []


def test_a_frame_of_two_topics_is_sent_once(routes, add):
    connection = add(requested_topics=["topic:a", "topic:b", "topic:*"])

    assert sent(routes, frame(1, "topic:a", "topic:b")) == {connection: [1]}


def test_nobody_is_sent_their_own(routes, add):
    add("7", requested_topics=["topic:a"])
    other, nobody = (
        add("8", requested_topics=["topic:a"]),
        add(requested_topics=["topic:a"]),
    )

    found = sent(routes, frame(1, "topic:a", actor="7"))

    assert found == {other: [1], nobody: [1]}


def test_what_a_person_mutes_is_left_out_and_nothing_else(routes, add):
    connection = add("7", subscriptions=follows(a="follow", b="mute"))
    frames = [frame(1, "topic:a"), frame(2, "topic:a", "topic:b"), frame(3, "topic:b")]

    assert sent(routes, *frames) == {connection: [1]}


def test_a_mute_of_what_was_told_before_counts_too(routes, add):
    add("7", subscriptions=follows(a="follow", b="mute"))

    assert sent(routes, frame(1, "topic:a", told={"topic:b": 5})) == {}


def test_who_was_told_before_is_left_out(routes, add):
    add("7", subscriptions=Subscriptions({"topic:a": 0, "topic:b": 5}))
    late = add("8", subscriptions=Subscriptions({"topic:a": 0, "topic:b": 6}))

    found = sent(routes, frame(1, "topic:a", told={"topic:b": 5}))

    assert found == {late: [1]}


def test_who_is_removed_is_sent_nothing_and_leaves_nothing_behind(routes, add):
    first = add(
        "7", requested_topics=["topic:*"], subscriptions=follows(a="follow", b="mute")
    )
    second = add("7", subscriptions=follows(a="follow"))

    routes.remove(first)
    routes.remove(first)

    assert sent(routes, frame(1, "topic:a")) == {second: [1]}
    assert routes.of("7") == (second,)
    routes.remove(second)
    assert is_empty(routes)
    assert len(routes) == 0


def test_a_change_of_follows_is_heard_at_once(routes, add):
    connection = add("7", subscriptions=follows(a="follow"))

    change(routes, connection, "topic:b", "follow")
    change(routes, connection, "topic:a", "")

    found = sent(routes, frame(1, "topic:a"), frame(2, "topic:b"))
    assert found == {connection: [2]}


def test_follows_that_come_and_go_leave_nothing_behind(routes, add):
    connection = add("7")
    for number in range(50):
        change(routes, connection, f"topic:{number}", "follow")
        change(routes, connection, f"topic:{number}", "mute")
        change(routes, connection, f"topic:{number}", "")

    assert (set(routes._following), routes._muting) == ({EVERYONE}, {})
    routes.remove(connection)
    assert is_empty(routes)


def test_who_was_removed_is_not_found_again_by_a_change(routes, add):
    connection = add("7")
    routes.remove(connection)

    change(routes, connection, "topic:a", "follow")

    assert connection.selectors == {"topic:a", EVERYONE}
    assert is_empty(routes)


def test_an_audience_is_those_selectors_that_somebody_hears(routes, add):
    add(requested_topics=["topic:a", "topic:*"])
    add(requested_topics=["topic:a"])

    audience = routes.audience(["topic:a", "user:1"])

    assert audience == ("topic:*", "topic:a")
    assert routes.audience_size(audience) == 3
    assert routes.audience_size(()) == 0
