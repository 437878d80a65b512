"""Retractions on open streams and in replays: who gets them, and what is left out."""

import json
import uuid

import pytest

from notifications.live.history import History
from notifications.live.replay import Replay
from notifications.protocol import entries, sse
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Frame
from notifications.protocol.subscriptions import Subscriptions
from notifications.protocol.topics import EVERYONE
from tests.live.helpers import append_entry, append_many, attach, names
from tests.system.server import wait_for

TEA = "topic:tea"
FOLLOWS_TEA = Subscriptions.of([(TEA, "follow", 0)])


@pytest.fixture
def retract(log):
    """A function that retracts an event as the relay does; returns the cursor."""

    def retract(event, *topics, **fields):
        entry = entries.RetractEntry(
            uid=uuid.uuid4().hex,
            event="e1",
            type="tick",
            topics=topics,
            cursor=str(event),
            **fields,
        )
        log.retractions().add([event])
        return append_entry(log, entry)

    return retract


@pytest.fixture
def settled(hub, log):
    """A function that waits until the hub has delivered everything."""

    def settled():
        newest = log.position()
        wait_for(lambda: hub.delivered_up_to >= newest, what="the hub to read the log")

    return settled


def taken(connection):
    """Return the fields of the frames that wait for a client."""
    return [sse.decode(each.body) for each in connection.transport.take(seconds=0)]


def unseen(found):
    return [json.loads(each.data)["unseen"] for each in found if each.event == "count"]


def test_open_stream_is_told_without_the_payload(hub, append, retract, settled):
    event = append(TEA)
    settled()
    connection, _ = attach(hub, requested_topics=[TEA])

    cursor = retract(event, TEA)

    settled()
    [found] = taken(connection)
    assert (found.event, found.event_id) == ("retracted", str(cursor))
    assert json.loads(found.data) == {"uid": "e1", "type": "tick", "topics": [TEA]}


@pytest.mark.parametrize(
    "options",
    [
        {"subscriptions": FOLLOWS_TEA},
        {"requested_topics": [TEA]},
        {"requested_topics": ["topic:*"]},
    ],
)
def test_everyone_who_was_sent_the_event_is_told(
    hub, append, retract, settled, options
):
    event = append(TEA)
    settled()
    connection, _ = attach(hub, user="7", **options)

    retract(event, TEA)

    settled()
    assert [each.event for each in taken(connection)] == ["retracted"]


MUTES_MILK = [(TEA, "follow", 0), ("topic:milk", "mute", 0)]


@pytest.mark.parametrize(
    ("subscriptions", "fields"),
    [
        (Subscriptions.of([("topic:milk", "follow", 0)]), {}),
        (FOLLOWS_TEA, {"actor": "7"}),
        (Subscriptions.of(MUTES_MILK), {"topics": ["topic:milk"]}),
        (Subscriptions.of([(TEA, "follow", 0)], not_live=["tick"]), {}),
        (Subscriptions.of([(TEA, "follow", 2**62)]), {}),
        (
            Subscriptions.of([(TEA, "follow", 0), ("topic:old", "follow", 0)]),
            {"already_told": {"topic:old": 5}},
        ),
    ],
    ids=["stranger", "actor", "muted", "not live", "followed later", "told before"],
)
def test_nobody_else_is_told(hub, append, retract, settled, subscriptions, fields):
    topics = [TEA, *fields.pop("topics", [])]
    event = append(*topics, **fields)
    settled()
    connection, _ = attach(hub, user="7", subscriptions=subscriptions)

    retract(event, *topics, **fields)

    settled()
    assert taken(connection) == []


def test_announcement_is_retracted_for_people_only(hub, append, retract, settled):
    event = append(EVERYONE)
    settled()
    person, _ = attach(hub, user="7")
    anonymous, _ = attach(hub, requested_topics=[TEA])

    retract(event, EVERYONE)

    settled()
    assert [each.event for each in taken(person)] == ["retracted"]
    assert taken(anonymous) == []


@pytest.mark.parametrize("in_memory", [True, False])
def test_retracted_event_is_not_replayed(
    hub, append, retract, settled, settings, in_memory
):
    if not in_memory:
        settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REPLAY_BUFFER_BYTES": 0}
        hub.stop()
        hub.ensure_started()
    start = append(TEA)
    event, kept = append(TEA), append(TEA)
    cursor = retract(event, TEA)
    append_many(hub._log, 0 if in_memory else 300, "topic:other")
    settled()

    _, missed = attach(hub, requested_topics=[TEA], after=start)

    found = [each.cursor for each in missed if each.type]
    assert found == [kept, cursor]
    assert names(missed) == ["tick", "retracted", "heartbeat"]


def test_client_at_the_retracted_event_gets_no_reset(hub, append, retract, settled):
    event = append(TEA)
    retract(event, TEA)
    settled()

    _, missed = attach(hub, requested_topics=[TEA], after=event)

    assert names(missed) == ["retracted", "heartbeat"]


def test_events_from_before_the_hub_are_not_replayed_either(
    hub, append, retract, settled
):
    hub.stop()
    start = append(TEA)
    event = append(TEA)
    hub.ensure_started()
    retract(event, TEA)
    settled()

    _, missed = attach(hub, requested_topics=[TEA], after=start)

    assert names(missed) == ["retracted", "heartbeat"]


def test_retraction_without_a_cursor_is_skipped(log, hub, settled, append):
    connection, _ = attach(hub, requested_topics=[TEA])
    append_entry(
        log, entries.RetractEntry(uid="r", event="e1", type="tick", topics=(TEA,))
    )
    append(TEA)

    settled()

    assert [each.event for each in taken(connection)] == ["tick"]


# The unseen count.


def bell(hub, count, **options):
    connection, opening = attach(
        hub,
        user="7",
        subscriptions=FOLLOWS_TEA,
        unseen_count=count,
        **{"after": hub.position, **options},
    )
    return connection, [sse.decode(each.body) for each in opening]


def test_event_that_the_hub_counted_is_taken_off(hub, append, retract, settled):
    settled()
    connection, _ = bell(hub, 3)
    event = append(TEA)

    cursor = retract(event, TEA)

    settled()
    found = taken(connection)
    assert unseen(found) == [4, 3]
    assert found[-1].event_id == str(cursor)


def test_event_that_the_page_may_have_counted_makes_the_count_unknown(
    hub, append, retract, settled
):
    event = append(TEA)
    settled()
    connection, _ = bell(hub, 3)

    retract(event, TEA)
    append(TEA)

    settled()
    found = taken(connection)
    assert [each.event for each in found] == ["retracted", "count", "tick"]
    assert unseen(found) == [None]


def test_count_of_zero_stays(hub, append, retract, settled):
    event = append(TEA)
    settled()
    connection, _ = bell(hub, 0)

    retract(event, TEA)
    append(TEA)

    settled()
    assert unseen(taken(connection)) == [1]


def test_count_at_its_limit_is_unknown(hub, append, retract, settled):
    settled()
    connection, _ = bell(hub, 99)
    event = append(TEA)

    retract(event, TEA)

    settled()
    assert unseen(taken(connection)) == [100, None]


def test_requested_topic_does_not_change_the_count(hub, append, retract, settled):
    settled()
    connection, _ = attach(
        hub, user="7", requested_topics=[TEA], unseen_count=3, after=hub.position
    )
    event = append(TEA)

    retract(event, TEA)

    settled()
    found = taken(connection)
    assert [each.event for each in found] == ["tick", "retracted"]


def test_new_count_is_the_base_for_later_retractions(
    hub, log, append, retract, settled
):
    settled()
    connection, _ = bell(hub, 3)
    event, other = append(TEA), append(TEA)
    append_entry(
        log,
        entries.CountEntry(uid="c", user="7", unseen_count=1, as_of=str(other)),
    )
    later = append(TEA)

    retract(later, TEA)
    retract(event, TEA)

    settled()
    assert unseen(taken(connection))[-4:] == [1, 2, 1, None]


def test_count_of_the_missed_events_leaves_out_retracted_ones(
    hub, append, retract, settled
):
    start = append(TEA)
    append(TEA)
    event = append(TEA)
    retract(event, TEA)
    settled()

    connection, opening = bell(hub, 2, after=start)

    assert unseen(opening) == [3]
    assert connection.unseen_count == 3


def test_count_is_unknown_after_a_missed_retraction_of_an_older_event(
    hub, append, retract, settled
):
    event = append(TEA)
    start = append(TEA)
    retract(event, TEA)
    settled()

    _, opening = bell(hub, 2, after=start)

    assert unseen(opening) == [None]


def test_new_count_leaves_out_events_that_were_retracted_meanwhile(
    hub, log, append, retract, settled
):
    settled()
    connection, _ = bell(hub, 0)
    as_of = append(TEA)
    event = append(TEA)
    retract(event, TEA)

    append_entry(
        log, entries.CountEntry(uid="c", user="7", unseen_count=1, as_of=str(as_of))
    )

    settled()
    assert unseen(taken(connection))[-1] == 1


# Memory.


def frame(number, *topics, retracts=None):
    return Frame(Cursor(number, 0), b"x", topics, type="tick", retracts=retracts)


def test_memory_forgets_a_retracted_frame_but_not_its_cursor():
    history = History(Cursor(0, 0))
    for number in range(1, 4):
        history.add(Cursor(number, 0), frame(number, TEA), 1)

    retraction = frame(4, TEA, retracts=Cursor(2, 0))
    history.add(Cursor(4, 0), retraction, 1)

    found = history.frames_for([TEA], Cursor(0, 0), Cursor(9, 0))
    assert [each.cursor.milliseconds for each in found] == [1, 3, 4]
    assert history.has(Cursor(2, 0))


def test_memory_ignores_the_retraction_of_what_it_does_not_have():
    history = History(Cursor(5, 0))
    history.add(Cursor(6, 0), frame(6, TEA), 1)

    for retracts in (1, 5, 7, 9):
        history.add(
            Cursor(7 + retracts, 0),
            frame(7 + retracts, TEA, retracts=Cursor(retracts, 0)),
            1,
        )

    assert len(history.frames_for([TEA], Cursor(5, 0), Cursor(99, 0))) == 5


def test_older_entries_in_memory_are_retracted_by_newer_ones():
    history = History(Cursor(3, 0), limit_bytes=10_000, limit_entries=100)
    history.add(Cursor(4, 0), frame(4, TEA, retracts=Cursor(2, 0)), 1)
    older = History(Cursor(0, 0), limit_bytes=10_000, limit_entries=100)
    for number in range(1, 4):
        older.add(Cursor(number, 0), frame(number, TEA), 1)

    history.prepend(older, Cursor(0, 0))

    found = history.frames_for([TEA], Cursor(0, 0), Cursor(9, 0))
    assert [each.cursor.milliseconds for each in found] == [1, 3, 4]


def test_retraction_is_encoded_with_its_event(log):
    entry = entries.RetractEntry(
        uid="r", event="e1", type="tick", topics=(TEA,), actor="7", cursor="5-1"
    )

    found = Replay(log).decode(entries.Record(Cursor(9, 0), entries.encode(entry)))

    assert isinstance(found, Frame)
    assert (found.cursor, found.retracts) == (Cursor(9, 0), Cursor(5, 1))
    assert (found.actor, found.sent_at) == ("7", 5)
