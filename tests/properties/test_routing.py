"""The routing table, compared with asking each connection about each frame."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from notifications.live.connection import Connection
from notifications.live.routing import RoutingTable
from notifications.live.subscriber import Subscriber
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import FollowEntry
from notifications.protocol.frames import Frame
from notifications.protocol.subscriptions import Span, Subscriptions
from notifications.protocol.topics import wildcard
from tests.properties.effort import examples, patient

pytestmark = patient

TOPICS = ["topic:a", "topic:b", "topic:c", "user:1", "question:9"]
LEVELS = ["follow", "watch", "mute"]

topics = st.sampled_from(TOPICS)
# Few, so that actors and readers, and times, are often the same.
users = st.sampled_from(["", "1", "2", "3"])
times = st.integers(0, 4)
rows = st.lists(st.tuples(topics, st.sampled_from(LEVELS), times), max_size=4)
spans = st.builds(Span, times, times)
connections = st.builds(
    lambda user, rows, muted_for, requested_topics: Connection(
        Subscriber(user=user),
        subscriptions=Subscriptions.of(rows, muted_for=muted_for),
        requested_topics=requested_topics,
    ),
    users,
    rows,
    st.dictionaries(topics, spans, max_size=2),
    st.sets(topics | topics.map(wildcard), max_size=2),
)
frames = st.builds(
    lambda topics, actor, already_told: ("", topics, actor, already_told),
    st.lists(topics, max_size=3).map(tuple),
    users,
    st.dictionaries(topics, times, max_size=2),
)
# The number of a connection, a topic, its new level, and until when it is muted.
changes = st.lists(
    st.tuples(st.integers(0, 99), topics, st.sampled_from([*LEVELS, ""]), times, times),
    max_size=6,
)


def numbered(several):
    """Return the frames in the order of the log."""
    return [
        Frame(Cursor(number, 0), b"%d\n\n" % number, *rest)
        for number, (_, *rest) in enumerate(several)
    ]


def is_for(frame, connection):
    """Tell whether a frame is for a connection, without the routing table."""
    keys = {*frame.topics, *map(wildcard, frame.topics)}
    return not keys.isdisjoint(connection.selectors) and connection.wants_replayed(
        frame
    )


def assert_fans_out(routing, connections, frames):
    expected = {
        connection: [frame for frame in frames if is_for(frame, connection)]
        for connection in connections
    }
    fan_outs = routing.fan_outs(frames)
    sent = [
        (connection, list(batch.frames))
        for batch, found in fan_outs
        for connection in found
    ]
    assert len({connection for connection, _ in sent}) == len(sent)
    assert dict(sent) == {each: due for each, due in expected.items() if due}
    # Connections with the same frames share one object.
    assert len({batch.body for batch, _ in fan_outs}) == len(fan_outs)


@examples(500)
@given(
    several=st.lists(connections, max_size=8),
    frames=st.lists(frames, max_size=6).map(numbered),
    changes=changes,
    gone=st.sets(st.integers(0, 7)),
)
def test_each_connection_gets_exactly_its_frames(several, frames, changes, gone):
    routing = RoutingTable()
    for connection in several:
        routing.add(connection)
    assert_fans_out(routing, several, frames)

    for number, (which, topic, level, since, until) in enumerate(changes):
        if several:
            connection = several[which % len(several)]
            entry = FollowEntry(
                uid="1",
                user=connection.user,
                topic=topic,
                level=level,
                since=since,
                muted_from=since,
                muted_until=until,
            )
            routing.change(connection, entry, Cursor(number, 0))
    assert_fans_out(routing, several, frames)

    left = [each for number, each in enumerate(several) if number not in gone]
    for connection in several:
        if connection not in left:
            routing.remove(connection)
    assert_fans_out(routing, left, frames)

    for connection in left:
        routing.remove(connection)
    assert routing._all == {}
    assert routing._following == routing._muting == routing._people == {}


@examples(300)
@given(several=st.lists(connections, max_size=8), described=frames, sent_at=times)
def test_retraction_is_for_those_that_the_event_is_replayed_to(
    several, described, sent_at
):
    routing = RoutingTable()
    for connection in several:
        routing.add(connection)
    _, *rest = described
    event = Frame(Cursor(sent_at, 0), b"event", *rest, type="tick")
    retraction = replace(event, cursor=Cursor(9, 0), retracts=event.cursor)

    fan_outs = routing.fan_outs([retraction])

    told = {connection for _, found in fan_outs for connection in found}
    assert told == {each for each in several if each.wants_replayed(event)}
