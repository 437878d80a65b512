from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from notifications.inbox import read_state
from notifications.inbox.explain import explain
from notifications.inbox.recipients import recipients_of
from notifications.inbox.rows import inbox_page
from notifications.models import Follow
from notifications.protocol.cursor import Cursor
from notifications.protocol.topics import EVERYONE
from notifications.publishing import outbox
from project.qa.models import Topic
from project.qa.notifications import NEW_QUESTION
from tests.inbox.test_read_state import MILK, answer, ask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def follows_milk(maja):
    Follow.objects.set_level(maja, MILK, "follow")


def rows(user, **options):
    return [
        (row.event, row.unread, row.total) for row in inbox_page(user, **options).rows
    ]


def test_rows_are_newest_first_one_a_group(maja):
    answer()
    other = ask()
    newest = answer()

    assert rows(maja) == [(newest, 2, 2), (other, 1, 1)]


def test_a_row_says_how_many_of_its_group_are_unread(maja):
    read_state.read_group(maja, answer())
    newest = answer()

    assert rows(maja) == [(newest, 1, 2)]
    assert inbox_page(maja).rows[0].count == 1


def test_a_row_that_is_read_stands_for_all_of_its_group(maja):
    answer()
    read_state.read_group(maja, answer())

    [row] = inbox_page(maja).rows

    assert row.read
    assert row.count == 2


def test_only_what_is_unread_is_shown(maja):
    read_state.read_group(maja, ask())
    unread = answer()

    assert rows(maja, unread=True) == [(unread, 1, 1)]


def test_only_what_is_of_a_kind_is_shown(maja):
    ask()
    wanted = answer()

    assert rows(maja, event_type="new_answer") == [(wanted, 1, 1)]


def test_pages_follow_each_other_and_no_row_is_there_twice(maja):
    events = [ask() for _ in range(7)]
    answer()
    events += [ask(), answer()]
    shown, before = [], None

    while True:
        page = inbox_page(maja, before=before, limit=3)
        shown += [row.event for row in page.rows]
        if not page.next:
            break
        before = Cursor.parse(page.next)

    assert shown == events[::-1]


def test_a_page_stays_where_it_is_when_something_new_comes(maja):
    events = [ask() for _ in range(4)]
    page = inbox_page(maja, limit=2)

    ask()

    following = inbox_page(maja, before=Cursor.parse(page.next), limit=2)
    assert [row.event for row in following.rows] == [events[1], events[0]]


def test_events_that_are_pending_can_be_paged(maja, no_redis):
    events = [ask() for _ in range(5)]

    page = inbox_page(maja, limit=2)
    following = inbox_page(maja, before=Cursor.parse(page.next), limit=3)

    shown = [row.event for row in (*page.rows, *following.rows)]
    assert shown == events[::-1]


def test_a_row_says_why_one_is_told(maja):
    Topic.objects.create(slug="milk", name="Milk")
    ask()

    [row] = inbox_page(maja).rows

    [reason] = row.reasons
    assert (reason.topic, reason.level) == (MILK, "follow")
    assert reason.label.endswith("Milk")


def test_everybody_is_told_of_what_is_for_everybody(tobias):
    event = announce()

    [row] = inbox_page(tobias).rows

    assert row.event == event
    assert [reason.topic for reason in row.reasons] == [EVERYONE]


def test_who_came_later_is_not_told_of_what_was_for_everybody():
    event = announce()

    later = event.created + timedelta(milliseconds=1)

    assert rows(User.objects.create_user("later", date_joined=later)) == []


def test_who_came_in_the_millisecond_of_what_was_for_everybody_is_told_of_it():
    event = announce()

    joined = event.created + timedelta(microseconds=999)
    newcomer = User.objects.create_user("newcomer", date_joined=joined)

    [row] = inbox_page(newcomer).rows
    assert row.event == event
    assert explain(event, newcomer).in_inbox
    assert newcomer in recipients_of(event)


def announce():
    payload = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}
    return outbox.record(NEW_QUESTION, topics=[EVERYONE], payload=payload)


def test_a_page_takes_the_same_number_of_queries_however_long(
    maja, django_assert_max_num_queries
):
    for number in range(12):
        answer(question=number)

    with django_assert_max_num_queries(12):
        assert len(rows(maja)) == 12


def test_a_row_does_not_name_what_one_may_not_see(maja, settings):
    Topic.objects.create(slug="oat", name="Secret")
    Topic.objects.create(slug="milk", name="Milk")
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != "topic:oat",
    }
    payload = {"question_id": 1, "title": "Why?", "url": "/"}
    outbox.record(NEW_QUESTION, topics=[MILK, "topic:oat"], payload=payload)

    [row] = inbox_page(maja).rows

    assert [each.topic for each in row.mutable] == [MILK]


def test_the_inbox_of_a_busy_topic_is_the_same(maja, monkeypatch):
    events = [ask(), ask(), answer()]
    monkeypatch.setattr("notifications.models.events.LOOKUP_BY_TOPIC_LIMIT", 2)

    assert [event for event, *_ in rows(maja)] == events[::-1]
