"""Live-only events are sent, and no bell counts them."""

import uuid

from notifications.protocol import entries, sse
from notifications.protocol.subscriptions import Subscriptions
from tests.live.helpers import append_entry, attach, taken, unseen

TEA = "topic:tea"
FOLLOWS_TEA = Subscriptions.of([(TEA, "follow", 0)])


def append_line(log):
    entry = entries.EventEntry(
        uid=uuid.uuid4().hex, type="line", topics=(TEA,), data="{}", live_only=True
    )
    return append_entry(log, entry)


def bell(hub, *, after):
    connection, opening = attach(
        hub, user="7", subscriptions=FOLLOWS_TEA, unseen_count=3, after=after
    )
    return connection, [sse.decode(each.body) for each in opening]


def test_live_only_event_is_sent_and_not_counted(hub, log, append, settled):
    settled()
    connection, _ = bell(hub, after=hub.position)

    append_line(log)
    append(TEA)

    settled()
    found = taken(connection)
    assert [each.event for each in found] == ["line", "tick", "count"]
    assert unseen(found) == [4]


def test_live_only_event_is_replayed_and_not_counted(hub, log, append, settled):
    settled()
    start = hub.position
    append_line(log)
    append(TEA)
    settled()

    _, opening = bell(hub, after=start)

    assert [each.event for each in opening] == ["line", "tick", "count", "heartbeat"]
    assert unseen(opening) == [4]
