"""The end of all streams of a topic, by one entry."""

import uuid

import msgspec
import pytest

from notifications.live.connection import Connection, State
from notifications.live.history import History
from notifications.live.routing import RoutingTable
from notifications.live.subscriber import Subscriber
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import (
    EVERY_USER,
    CountEntry,
    EndEntry,
    FollowEntry,
    affected_user,
    encode,
)
from notifications.protocol.subscriptions import Subscriptions
from tests.live.helpers import append_entry, attach, received
from tests.system.server import wait_for

TEAM = "team:7"


def end_of(topic=TEAM):
    uid = uuid.uuid4().hex
    return EndEntry(uid=uid, user="", reason="permissions_changed", topic=topic)


def following(*topics):
    return Subscriptions.of([(topic, "follow", 1) for topic in topics])


def closed(connection):
    return connection.state is State.CLOSED


@pytest.mark.parametrize(
    "options",
    [
        {"user": "1", "subscriptions": following(TEAM, "topic:tea")},
        {"requested_topics": [TEAM]},
        {"requested_topics": ["team:*"]},
    ],
    ids=["a follower", "an anonymous client", "a client with all of the kind"],
)
def test_streams_with_the_topic_end(hub, log, options):
    connection, _ = attach(hub, **options)

    append_entry(log, end_of())

    wait_for(lambda: closed(connection), what="the end")
    assert connection.close_reason == "permissions_changed"


@pytest.mark.parametrize(
    "options",
    [
        {"user": "1", "subscriptions": following("team:8")},
        {"user": "1", "subscriptions": Subscriptions.of([(TEAM, "mute", 1)])},
        {"requested_topics": ["topic:*", "team:70"]},
    ],
    ids=["another topic", "muted", "another kind"],
)
def test_other_streams_stay_open(hub, log, append, options):
    connection, _ = attach(hub, **options)
    witness, _ = attach(hub, requested_topics=[TEAM])

    append_entry(log, end_of())

    wait_for(lambda: closed(witness), what="the end")
    assert connection.state is State.OPEN


def test_event_after_the_end_is_not_pushed(hub, log, append):
    connection, _ = attach(hub, requested_topics=[TEAM])
    other, _ = attach(hub, requested_topics=["topic:tea"])
    entry = end_of()

    # One read of the log brings all three.
    log.append_controls([(entry.uid, encode(entry), affected_user(entry))])
    append(TEAM)
    last = append("topic:tea")

    assert received(other, 1) == [last]
    assert closed(connection)


def test_change_while_a_client_was_looked_up_ends_its_stream(hub, log):
    before = hub.position
    cursor = append_entry(log, end_of())
    wait_for(lambda: hub.delivered_up_to >= cursor, what="the hub to have read it")
    follower = Connection(Subscriber("1"), subscriptions=following(TEAM))
    anonymous = Connection(requested_topics=["team:*"])
    other = Connection(Subscriber("1"), subscriptions=following("team:8"))

    for connection in (follower, anonymous, other):
        hub.attach(connection, after=None, as_of=before)

    assert closed(follower)
    assert closed(anonymous)
    assert not closed(other)


def test_routing_finds_each_connection_once():
    routing = RoutingTable()
    both = Connection(
        Subscriber("1"), subscriptions=following(TEAM), requested_topics=["team:*"]
    )
    routing.add(both)
    routing.add(Connection(requested_topics=["team:8"]))

    assert routing.receiving(TEAM) == [both]
    assert routing.receiving("topic:tea") == []


def test_ends_of_topics_are_among_the_controls_of_everyone_in_order():
    history = History(Cursor(0, 0), limit_bytes=10**6, limit_entries=1000)
    follow = FollowEntry(uid="1", user="7", topic=TEAM, level="follow")
    end, other = end_of(), FollowEntry(uid="2", user="8", topic=TEAM)
    again = FollowEntry(uid="3", user="7", topic=TEAM)
    for number, entry in enumerate([follow, end, other, again], start=1):
        history.add(Cursor(number, 0), entry, 10)

    def controls(user):
        found = history.controls(user, Cursor(0, 0), Cursor(9, 0))
        return [entry for _, entry in found]

    assert controls("7") == [follow, end, again]
    assert controls("8") == [end, other]
    assert controls("") == [end]


def test_end_of_a_topic_affects_every_user():
    person = EndEntry(uid="1", user="7", reason="deleted")
    count = CountEntry(uid="2", user="7", unseen_count=1, as_of="1-0")

    assert affected_user(end_of()) == EVERY_USER
    assert affected_user(person) == "7"
    assert affected_user(count) == ""


def test_entry_without_a_topic_is_as_it_was():
    entry = EndEntry(uid="1", user="7", reason="deleted")

    assert msgspec.json.decode(encode(entry)) == {
        "entry": "end",
        "uid": "1",
        "user": "7",
        "reason": "deleted",
    }
