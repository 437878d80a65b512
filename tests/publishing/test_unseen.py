"""Unseen counts of live streams: added up by the hub, corrected by the database."""

import json

import pytest

from notifications.inbox import read_state
from notifications.live.connection import Connection
from notifications.live.hub import shared_hub
from notifications.live.subscriber import Subscriber
from notifications.models import COUNT_LIMIT, Event, Follow, Inbox, Preference
from notifications.models.events import provisional_position
from notifications.protocol import sse
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Frame
from notifications.protocol.subscriptions import Subscriptions
from notifications.protocol.topics import EVERYONE
from notifications.publishing import outbox
from notifications.publishing.unseen import unseen_rows
from notifications.streams.open_stream import subscriptions_of
from project.qa.notifications import NEW_QUESTION
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


@pytest.fixture
def hub(log):
    shared_hub().ensure_started()
    return shared_hub()


@pytest.fixture
def attach(hub, log, maja):
    """A function that opens a stream of Maja's with an unseen count."""

    def attach(unseen=0, *, after=None, **options):
        newest = log.position()
        wait_for(lambda: hub.delivered_up_to >= newest, what="the hub to read the log")
        hub.ensure_started()
        as_of = hub.position
        cursor = as_of if after is None else after
        connection = Connection(
            Subscriber(user=str(maja.pk)),
            subscriptions=subscriptions_of(maja),
            unseen_count=unseen,
            **options,
        )
        missed = hub.attach(connection, after=str(cursor), as_of=as_of)
        opening = [frame for batch in missed for frame in batch.frames]
        return connection, fields(opening)

    return attach


def record(*topics, number=1, **options):
    payload = {"question_id": number, "title": "Why?", "url": "/questions/1/"}
    event = outbox.record(NEW_QUESTION, topics=topics, payload=payload, **options)
    event.refresh_from_db()
    return event


def fields(frames):
    return [sse.decode(frame.body) for frame in frames]


def counts(found):
    return [json.loads(each.data)["unseen"] for each in found if each.event == "count"]


def take_until(connection, hub, log):
    """Return the fields of all frames up to the newest entry of the log."""
    newest = log.position()
    wait_for(lambda: hub.delivered_up_to >= newest, what="the hub to read the log")
    return fields(connection.transport.take(seconds=0))


def test_events_come_with_the_new_unseen_count(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    connection, opening = attach(3)

    first, second = record(MILK), record(MILK)

    found = take_until(connection, hub, log)
    assert counts(opening) == [3]
    assert counts(found) in ([4, 5], [5])
    assert found[-1].event_id == second.cursor
    assert first.cursor in [each.event_id for each in found]


def unmark(event):
    """Leave a row as if its process had died before it marked it as relayed."""
    Event.objects.filter(pk=event.pk).update(
        relayed=None, cursor="", position=provisional_position()
    )


def test_event_in_the_log_counts_before_its_row_is_marked(log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    first, second, third = record(MILK), record(MILK), record(MILK)
    unmark(second)

    found = [
        len(unseen_rows(Inbox(maja), up_to=Cursor.parse(event.cursor)))
        for event in (first, second, third)
    ]

    assert found == [1, 2, 3]


def test_many_pending_events_do_not_displace_relayed_ones(link, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    Follow.objects.set_level(maja, "topic:tea", "follow")
    link.cut()
    for _ in range(COUNT_LIMIT):
        record(MILK)
    link.mend()
    *_, newest = [record("topic:tea") for _ in range(3)]

    assert len(unseen_rows(Inbox(maja), up_to=Cursor.parse(newest.cursor))) == 3


def test_pending_event_counts_when_it_is_relayed(link, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    first = record(MILK)
    up_to = Cursor.parse(first.cursor)
    link.cut()
    record(MILK)

    without_redis = len(unseen_rows(Inbox(maja), up_to=up_to))
    link.mend()
    with_redis = len(unseen_rows(Inbox(maja), up_to=up_to))

    assert (without_redis, with_redis) == (1, 1)


def test_new_count_includes_events_whose_row_is_not_marked(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    first, _ = record(MILK), record(MILK)
    unmark(first)
    connection, _ = attach(2)

    Follow.objects.set_level(maja, "topic:tea", "follow")

    assert counts(take_until(connection, hub, log)) in ([], [2])


def test_count_is_at_most_one_hundred(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    connection, _ = attach(99)

    record(MILK)
    record(MILK)

    assert counts(take_until(connection, hub, log))[-1] == 100


def test_event_of_a_requested_topic_is_not_counted(attach, hub, log):
    connection, _ = attach(0, requested_topics=[MILK])

    event = record(MILK)

    found = take_until(connection, hub, log)
    assert [each.event_id for each in found] == [event.cursor]
    assert counts(found) == []


def test_stream_without_a_count_gets_none(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    connection, opening = attach(None)

    record(MILK)
    read_state.see_all(maja)

    assert counts(opening) == []
    assert counts(take_until(connection, hub, log)) == []


def test_event_for_everyone_is_counted(attach, hub, log):
    connection, _ = attach(0)

    record(EVERYONE)

    assert counts(take_until(connection, hub, log)) == [1]


def test_replayed_events_are_counted(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    hub.ensure_started()
    at = log.position()
    record(MILK)
    last = record(MILK)
    wait_for(
        lambda: str(hub.delivered_up_to) == last.cursor, what="the hub to read the log"
    )

    _, opening = attach(1, after=at)

    assert counts(opening) == [3]
    assert [each.event for each in opening][-2:] == ["count", "heartbeat"]


def test_events_seen_elsewhere_are_not_counted_on_a_replay(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    hub.ensure_started()
    at = log.position()
    record(MILK)
    read_state.see_all(maja)
    last = record(MILK)
    wait_for(
        lambda: str(hub.delivered_up_to) == last.cursor, what="the hub to read the log"
    )

    _, opening = attach(7, after=at)

    assert counts(opening) == [1]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda user, event: read_state.see_all(user), 0),
        (lambda user, event: read_state.read_group(user, event), 1),
        (lambda user, event: read_state.read_all(user, event), 0),
        (lambda user, event: Follow.objects.set_level(user, MILK, "mute"), 0),
        (lambda user, event: Follow.objects.filter(user=user).first().delete(), 0),
        (lambda user, event: Preference.objects.set(user, "new_question", "off"), 0),
    ],
    ids=["seen", "one read", "all read", "muted", "unfollowed", "off"],
)
def test_change_elsewhere_sends_a_new_count(attach, hub, log, maja, act, expected):
    Follow.objects.set_level(maja, MILK, "follow")
    record(MILK)
    event = record(MILK, number=2)
    connection, _ = attach(2, after=log.position())

    act(maja, event)

    assert counts(take_until(connection, hub, log)) == [expected]


def test_events_that_the_page_counted_are_not_counted_again(hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    connection = Connection(
        Subscriber(user=str(maja.pk)), subscriptions=subscriptions_of(maja)
    )
    frames = [Frame(Cursor(number, 0), b"", (MILK,)) for number in (1, 2, 3)]
    connection.unseen_count, connection.skip_until = 5, Cursor(2, 0)

    connection.count(frames)

    assert connection.unseen_count == 6


def test_stale_cursor_gets_an_unknown_count(attach):
    _, opening = attach(3, after="1-1")

    assert counts(opening) == [None]
    assert opening[0].event == "reset"


def test_type_that_is_not_live_is_sent_to_watched_topics(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    Preference.objects.set(maja, "new_question", "inbox")
    connection, _ = attach(0)

    record(MILK)
    Follow.objects.set_level(maja, MILK, "watch")
    watched = record(MILK)

    found = take_until(connection, hub, log)
    events = [each.event_id for each in found if each.event == "new_question"]
    assert events == [watched.cursor]


def test_requested_topic_gets_types_that_are_not_live(attach, hub, log, maja):
    Preference.objects.set(maja, "new_question", "off")
    connection, _ = attach(0, requested_topics=["topic:*"])

    event = record(MILK)

    found = take_until(connection, hub, log)
    assert [each.event_id for each in found] == [event.cursor]


def test_changed_subscriptions_keep_their_types_that_are_not_live():
    follows = Subscriptions.of([(MILK, "watch", 5)], not_live=["tick"])

    changed = follows.with_type("tock", live=False).changed(MILK, "follow", 7)

    assert changed.not_live == {"tick", "tock"}
    assert (dict(changed.followed_since), changed.watched) == ({MILK: 7}, frozenset())
    assert changed.with_type("tick", live=True).not_live == {"tock"}
