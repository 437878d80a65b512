"""What the bell says, live: counted by the hub, corrected by the database."""

import json

import pytest

from notifications.inbox import read_state
from notifications.live.connection import Connection
from notifications.live.hub import shared_hub
from notifications.live.subscriber import Subscriber, Subscriptions
from notifications.models import COUNT_LIMIT, Event, Follow, Preference
from notifications.models.events import provisional_position
from notifications.protocol import sse
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Frame
from notifications.protocol.topics import EVERYONE
from notifications.publishing import outbox
from notifications.publishing.unseen import count_unseen
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
    """A function that opens a stream of Maja's whose bell says so much."""

    def attach(unseen=0, *, after=None, **options):
        newest = log.position()
        wait_for(lambda: hub.delivered_up_to >= newest, what="the hub to have read all")
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


def ask(*topics, **options):
    payload = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}
    event = outbox.record(NEW_QUESTION, topics=topics, payload=payload, **options)
    event.refresh_from_db()
    return event


def fields(frames):
    return [sse.decode(frame.body) for frame in frames]


def bells(found):
    return [json.loads(each.data)["unseen"] for each in found if each.event == "count"]


def take_until(connection, hub, log):
    """Return what came until the hub has read all that is in the log."""
    newest = log.position()
    wait_for(lambda: hub.delivered_up_to >= newest, what="the hub to have read all")
    return fields(connection.transport.take(seconds=0))


def test_each_event_comes_with_what_the_bell_says(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    connection, opening = attach(3)

    first, second = ask(MILK), ask(MILK)

    found = take_until(connection, hub, log)
    assert bells(opening) == [3]
    assert bells(found) in ([4, 5], [5])
    assert found[-1].event_id == second.cursor
    assert first.cursor in [each.event_id for each in found]


def unmark(event):
    """Let a row be as if its process had died before it noted that it is relayed."""
    Event.objects.filter(pk=event.pk).update(
        relayed=None, cursor="", position=provisional_position()
    )


def test_an_event_counts_before_its_row_says_that_it_is_in_the_log(log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    first, second, third = ask(MILK), ask(MILK), ask(MILK)
    unmark(second)

    counts = [
        count_unseen(maja, up_to=Cursor.parse(each.cursor))
        for each in (first, second, third)
    ]

    assert counts == [1, 2, 3]


def test_many_that_wait_for_redis_take_no_place_of_others(link, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    Follow.objects.set_level(maja, "topic:tea", "follow")
    link.cut()
    for _ in range(COUNT_LIMIT):
        ask(MILK)
    link.mend()
    *_, newest = [ask("topic:tea") for _ in range(3)]

    assert count_unseen(maja, up_to=Cursor.parse(newest.cursor)) == 3


def test_an_event_that_waits_for_redis_counts_when_it_comes(link, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    first = ask(MILK)
    up_to = Cursor.parse(first.cursor)
    link.cut()
    ask(MILK)

    away = count_unseen(maja, up_to=up_to)
    link.mend()
    back = count_unseen(maja, up_to=up_to)

    assert (away, back) == (1, 1)


def test_a_change_tells_what_the_log_has_and_the_row_does_not_say(
    attach, hub, log, maja
):
    Follow.objects.set_level(maja, MILK, "follow")
    first, _ = ask(MILK), ask(MILK)
    unmark(first)
    connection, _ = attach(2)

    Follow.objects.set_level(maja, "topic:tea", "follow")

    assert bells(take_until(connection, hub, log)) in ([], [2])


def test_a_bell_says_a_hundred_at_most(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    connection, _ = attach(99)

    ask(MILK)
    ask(MILK)

    assert bells(take_until(connection, hub, log))[-1] == 100


def test_what_only_the_page_asks_for_does_not_ring(attach, hub, log):
    connection, _ = attach(0, requested_topics=[MILK])

    event = ask(MILK)

    found = take_until(connection, hub, log)
    assert [each.event_id for each in found] == [event.cursor]
    assert bells(found) == []


def test_a_stream_without_a_bell_is_told_no_number(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    connection, opening = attach(None)

    ask(MILK)
    read_state.see_all(maja)

    assert bells(opening) == []
    assert bells(take_until(connection, hub, log)) == []


def test_what_is_for_everybody_rings_for_all(attach, hub, log):
    connection, _ = attach(0)

    ask(EVERYONE)

    assert bells(take_until(connection, hub, log)) == [1]


def test_what_was_missed_is_counted_too(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    hub.ensure_started()
    at = log.position()
    ask(MILK)
    last = ask(MILK)
    wait_for(
        lambda: str(hub.delivered_up_to) == last.cursor, what="the hub to have read"
    )

    _, opening = attach(1, after=at)

    assert bells(opening) == [3]
    assert [each.event for each in opening][-2:] == ["count", "heartbeat"]


def test_what_was_seen_elsewhere_meanwhile_counts_for_who_comes_back(
    attach, hub, log, maja
):
    Follow.objects.set_level(maja, MILK, "follow")
    hub.ensure_started()
    at = log.position()
    ask(MILK)
    read_state.see_all(maja)
    last = ask(MILK)
    wait_for(
        lambda: str(hub.delivered_up_to) == last.cursor, what="the hub to have read"
    )

    _, opening = attach(7, after=at)

    assert bells(opening) == [1]


@pytest.mark.parametrize(
    ("act", "says"),
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
def test_what_a_person_does_elsewhere_is_told_at_once(
    attach, hub, log, maja, act, says
):
    Follow.objects.set_level(maja, MILK, "follow")
    ask(MILK)
    event = ask(MILK)
    connection, _ = attach(2, after=log.position())

    act(maja, event)

    assert bells(take_until(connection, hub, log)) == [says]


def test_what_the_page_knows_already_is_not_counted_again(hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    connection = Connection(
        Subscriber(user=str(maja.pk)), subscriptions=subscriptions_of(maja)
    )
    frames = [Frame(Cursor(number, 0), b"", (MILK,)) for number in (1, 2, 3)]
    connection.unseen_count, connection.skip_until = 5, Cursor(2, 0)

    connection.count(frames)

    assert connection.unseen_count == 6


def test_a_bell_without_a_place_in_the_log_is_not_known(attach):
    _, opening = attach(3, after="1-1")

    assert bells(opening) == [None]
    assert opening[0].event == "reset"


def test_what_is_quiet_is_not_sent_unless_it_is_watched(attach, hub, log, maja):
    Follow.objects.set_level(maja, MILK, "follow")
    Preference.objects.set(maja, "new_question", "inbox")
    connection, _ = attach(0)

    ask(MILK)
    Follow.objects.set_level(maja, MILK, "watch")
    told = ask(MILK)

    found = take_until(connection, hub, log)
    events = [each.event_id for each in found if each.event == "new_question"]
    assert events == [told.cursor]


def test_a_page_that_asks_for_it_is_sent_what_is_quiet(attach, hub, log, maja):
    Preference.objects.set(maja, "new_question", "off")
    connection, _ = attach(0, requested_topics=["topic:*"])

    event = ask(MILK)

    found = take_until(connection, hub, log)
    assert [each.event_id for each in found] == [event.cursor]


def test_follows_that_are_quiet_keep_what_they_know():
    follows = Subscriptions.of([(MILK, "watch", 5)], not_live=["tick"])

    changed = follows.with_type("tock", live=False).changed(MILK, "follow", 7)

    assert changed.not_live == {"tick", "tock"}
    assert (dict(changed.followed_since), changed.watched) == ({MILK: 7}, frozenset())
    assert changed.with_type("tick", live=True).not_live == {"tock"}
