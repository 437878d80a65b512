import pytest

from notifications.live.connection import Connection, State
from notifications.live.subscriber import Subscriber
from notifications.live.transports import QueueTransport
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EndEntry
from notifications.protocol.frames import Batch, Frame
from notifications.protocol.subscriptions import Subscriptions
from notifications.streams.client_socket import NullSocket


def frame(number=1, *, topics=("topic:a",), actor="", already_told=None, body=b"x"):
    return Frame(Cursor(number, 0), body, topics, actor, already_told or {})


def follows(**levels):
    return Subscriptions.of((f"topic:{key}", level, 0) for key, level in levels.items())


def taken(connection):
    return [each.cursor.milliseconds for each in connection.transport.take(seconds=0)]


def test_frames_are_taken_in_the_order_they_were_pushed():
    connection = Connection()

    connection.push(Batch([frame(1), frame(2)]))
    connection.push(Batch([frame(3)]))

    assert taken(connection) == [1, 2, 3]
    assert taken(connection) == []


def test_full_buffer_closes_the_connection():
    connection = Connection(transport=QueueTransport(buffer_bytes=1_024))
    connection.push(Batch([frame(1, body=b"x" * 1_025)]))

    connection.push(Batch([frame(2)]))

    assert connection.state is State.CLOSED
    assert connection.close_reason == "slow"
    assert taken(connection) == []


def test_closed_connection_ignores_frames_and_keeps_its_first_reason():
    connection = Connection()
    connection.close("first")

    connection.close("second")
    connection.push(Batch([frame(1)]))

    assert connection.close_reason == "first"
    assert taken(connection) == []


def test_frames_up_to_the_clients_cursor_are_skipped():
    connection = Connection(skip_until=Cursor(2, 0))

    connection.push(Batch([frame(1), frame(2), frame(3)]))

    assert taken(connection) == [3]


@pytest.mark.parametrize(
    ("delivered_up_to", "reached"),
    [(Cursor(1, 0), Cursor(2, 0)), (Cursor(3, 0), Cursor(3, 0))],
)
def test_reached_cursor_is_never_before_the_clients_own(delivered_up_to, reached):
    assert Connection(skip_until=Cursor(2, 0)).reached(delivered_up_to) == reached


def test_person_does_not_get_their_own_events():
    connection = Connection(Subscriber(user="7"), subscriptions=follows(a="follow"))

    assert connection.wants(frame(actor="8"))
    assert not connection.wants(frame(actor="7"))


def test_anonymous_connection_gets_events_without_an_actor():
    assert Connection(requested_topics=["topic:a"]).wants(frame(actor=""))


def test_muted_topic_beats_a_followed_one():
    connection = Connection(subscriptions=follows(a="follow", b="mute"))

    assert connection.wants(frame(topics=("topic:a",)))
    assert not connection.wants(frame(topics=("topic:a", "topic:b")))


def test_muted_topic_is_not_a_selector():
    connection = Connection(
        requested_topics=["user:*"], subscriptions=follows(a="watch", b="mute")
    )

    assert connection.selectors == {"user:*", "topic:a"}


def test_subscriber_who_was_already_told_gets_no_frame():
    connection = Connection(
        subscriptions=Subscriptions({"topic:a": 100, "topic:b": 100})
    )

    assert not connection.wants(
        frame(topics=("topic:b",), already_told={"topic:a": 100})
    )
    assert connection.wants(frame(topics=("topic:b",), already_told={"topic:a": 99}))
    assert connection.wants(frame(topics=("topic:b",), already_told={"topic:c": 100}))


def test_already_told_topic_matches_a_wildcard():
    connection = Connection(requested_topics=["topic:*"])

    assert not connection.wants(
        frame(topics=("topic:b",), already_told={"topic:a": 100})
    )


def test_frames_from_before_the_follow_are_not_replayed():
    connection = Connection(subscriptions=Subscriptions({"topic:a": 100}))

    assert not connection.wants_replayed(frame(99))
    assert connection.wants_replayed(frame(100))


def test_requested_topics_are_replayed_from_any_cursor():
    assert Connection(requested_topics=["topic:a"]).wants_replayed(frame(1))
    assert Connection(requested_topics=["topic:*"]).wants_replayed(frame(1))


def test_topics_that_are_not_followed_are_not_replayed():
    connection = Connection(
        requested_topics=["topic:b"], subscriptions=follows(c="follow", d="mute")
    )

    assert not connection.wants_replayed(frame(1, topics=("topic:a", "topic:d")))


def test_change_of_a_follow_changes_the_selectors():
    connection = Connection(subscriptions=follows(a="follow"))

    connection.change_follow("topic:a", "", 0, at=Cursor(2, 0))
    connection.change_follow("topic:b", "follow", 0, at=Cursor(1, 0))

    assert connection.selectors == {"topic:b"}


def test_older_change_of_a_follow_does_not_undo_a_newer_one():
    connection = Connection()

    connection.change_follow("topic:a", "", 0, at=Cursor(2, 0))
    connection.change_follow("topic:a", "follow", 0, at=Cursor(1, 0))

    assert connection.selectors == frozenset()


def test_full_buffer_aborts_the_link_once():
    aborted = []

    class Socket(NullSocket):
        def abort(self):
            aborted.append(1)

    connection = Connection(transport=QueueTransport(buffer_bytes=1_024, link=Socket()))

    for number in range(4):
        connection.push(Batch([frame(number, body=b"x" * 2_000)]))

    assert aborted == [1]


def test_closing_with_drain_keeps_the_waiting_frames():
    connection = Connection()
    connection.push(Batch([frame(1)]))

    connection.close("stopped", drain=True)
    connection.push(Batch([frame(2)]))

    assert taken(connection) == [1]
    assert taken(connection) == []


def test_connection_knows_how_many_seconds_are_left():
    now = [0.0]
    connection = Connection(Subscriber(seconds=60), clock=lambda: now[0])

    assert connection.seconds_left == 60
    now[0] = 61
    assert connection.seconds_left == 0


@pytest.mark.parametrize(
    ("entry", "ends"),
    [
        ({}, True),
        ({"session": "s"}, True),
        ({"session": "other"}, False),
        ({"login": "l"}, False),
        ({"login": "other"}, True),
    ],
)
def test_end_entry_includes_all_streams_or_a_session_or_other_logins(entry, ends):
    connection = Connection(Subscriber(user="7", session="s", login="l"))

    found = connection.is_ended_by(EndEntry(uid="1", user="7", reason="x", **entry))

    assert found is ends
