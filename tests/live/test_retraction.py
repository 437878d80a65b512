"""Retractions on open streams and in replays: who gets them, and what is left out."""

import json

import pytest

from notifications.live.replay import Replay
from notifications.protocol import entries
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Frame
from notifications.protocol.subscriptions import Subscriptions
from notifications.protocol.topics import EVERYONE
from tests.live.helpers import append_entry, append_many, attach, names, taken

TEA = "topic:tea"
FOLLOWS_TEA = Subscriptions.of([(TEA, "follow", 0)])


def test_open_stream_gets_a_retraction_without_the_payload(
    hub, append, retract, settled
):
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
def test_everyone_who_was_sent_the_event_gets_its_retraction(
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
def test_nobody_else_gets_the_retraction(
    hub, append, retract, settled, subscriptions, fields
):
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


def test_retraction_is_encoded_with_its_event(log):
    entry = entries.RetractEntry(
        uid="r", event="e1", type="tick", topics=(TEA,), actor="7", cursor="5-1"
    )

    found = Replay(log).decode(entries.Record(Cursor(9, 0), entries.encode(entry)))

    assert isinstance(found, Frame)
    assert (found.cursor, found.retracts) == (Cursor(9, 0), Cursor(5, 1))
    assert (found.actor, found.sent_at) == ("7", 5)
