"""The inbox reads a bounded number of events, whatever its rule leaves of them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications.inbox import read_state
from notifications.models import (
    Event,
    EventTopic,
    Follow,
    Inbox,
    SelectedRows,
    Selection,
    selected_rows,
)
from notifications.models import inbox as inbox_module
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.protocol.entries import COUNT_LIMIT

pytestmark = pytest.mark.django_db

TOPIC = "topic:busy"
EVENTS, GROUPS = 400, 40


@pytest.fixture
def busy(maja):
    """A topic with many relayed events, one each second, that maja follows."""
    start = timezone.now() - timedelta(days=1)
    events = []
    for number in range(EVENTS):
        event = Event(type="tick", group=f"tick:{number % GROUPS}")
        moment = milliseconds(start + timedelta(seconds=number))
        event.mark_relayed(Cursor(moment, 0))
        events.append(event)
    Event.objects.bulk_create(events)
    EventTopic.objects.bulk_create(
        EventTopic(event=event, topic=TOPIC, position=event.position)
        for event in events
    )
    Follow.objects.create(user=maja, topic=TOPIC, created=start - timedelta(days=1))
    return events


def rows_of(user):
    return SelectedRows(Inbox(user), Selection())


def test_counts_end_at_their_limit(busy, maja):
    assert Inbox(maja).count_unread() == COUNT_LIMIT


def test_count_takes_the_same_queries_for_any_number_of_events(
    busy, maja, django_assert_num_queries
):
    # Follows, preferences, read state, the newest topics, their events, all topics of
    # these, read marks.
    with django_assert_num_queries(6):
        Inbox(maja).count_unread()

    EventTopic.objects.filter(event__in=busy[:-2]).delete()
    with django_assert_num_queries(6):
        assert Inbox(maja).count_unread() == 2


def test_count_after_everything_is_read_reads_no_events(
    busy, maja, django_assert_max_num_queries
):
    read_state.read_all(maja, busy[-1])

    # Follows, read state, marks, the newest topics.
    with django_assert_max_num_queries(4):
        assert Inbox(maja).count_unread() == 0
    with django_assert_max_num_queries(4):
        assert not list(Inbox(maja).unseen())


def test_event_marked_as_unread_counts_after_everything_was_read(busy, maja):
    read_state.read_all(maja, busy[-1])

    read_state.unread_event(maja, busy[0])

    # It and the newer ones of its group.
    assert Inbox(maja).count_unread() == EVENTS / GROUPS


def test_follow_of_a_busy_topic_brings_only_what_comes_after_it(busy, maja):
    last = busy[-1].relayed
    Follow.objects.update(created=last)

    assert [each.pk for each in Inbox(maja).events()] == [busy[-1].pk]


def test_inbox_ends_after_its_most_batches(busy, maja, monkeypatch):
    monkeypatch.setattr(inbox_module, "BATCH_TOPICS", 10)
    monkeypatch.setattr(inbox_module, "MAX_BATCHES", 3)

    assert [each.pk for each in Inbox(maja).events()] == [
        each.pk for each in busy[: -30 - 1 : -1]
    ]


def test_page_that_ends_early_can_be_read_on_from(busy, maja, monkeypatch):
    monkeypatch.setattr(inbox_module, "BATCH_TOPICS", 10)
    monkeypatch.setattr(inbox_module, "MAX_BATCHES", 1)
    groups, before = [], None
    for _ in range(EVENTS):
        rows, before = rows_of(maja).page(before=before, limit=30)
        groups += [each.group for each in rows]
        if before is None:
            break

    assert sorted(groups) == sorted({each.group for each in busy})


def test_events_of_a_group_end_at_their_limit(busy, maja):
    Event.objects.update(group="tick:all")

    found = rows_of(maja).of_groups(["tick:all"])["tick:all"]

    newest = busy[: -COUNT_LIMIT - 1 : -1]
    assert [each.pk for each in found] == [each.pk for each in newest]


def test_page_without_rows_is_empty(busy, maja):
    assert rows_of(maja).page(before=None, limit=0) == ([], None)


def test_group_is_on_one_page_whatever_the_person_added_to_it(busy, maja, monkeypatch):
    monkeypatch.setattr(selected_rows, "NEWER_EVENTS", 2)
    Event.objects.update(group="tick:all")
    # The newest of the group are their own; the older ones notify them.
    own = [each.pk for each in busy[-150:]]
    Event.objects.filter(pk__in=own).update(actor=maja)
    [row], _ = rows_of(maja).page(before=None, limit=30)

    following, _ = rows_of(maja).page(before=row.position, limit=30)
    found = rows_of(maja).of_groups(["tick:all"])["tick:all"]

    assert row.pk == busy[-151].pk
    assert following == []
    assert len(found) == COUNT_LIMIT
