from datetime import timedelta

import pytest

from notifications.inbox import read_state
from notifications.inbox.explain import explain
from notifications.inbox.recipients import recipients_of
from notifications.inbox.rows import inbox_page
from notifications.models import Follow, Inbox, Selection
from notifications.protocol.cursor import Cursor
from notifications.protocol.topics import EVERYONE
from notifications.publishing import outbox
from project.qa.models import Topic
from project.qa.notifications import NEW_QUESTION
from tests.inbox.test_read_state import MILK, answer, ask
from tests.users import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def follows_milk(maja):
    Follow.objects.set_level(maja, MILK, "follow")


def rows(user, **options):
    return [
        (row.event, row.unread, row.total)
        for row in inbox_page(Inbox(user), **options).rows
    ]


def test_rows_are_newest_first_and_one_per_group(maja):
    answer()
    other = ask()
    newest = answer()

    assert rows(maja) == [(newest, 2, 2), (other, 1, 1)]


def test_row_counts_the_unread_events_of_its_group(maja):
    read_state.read_group(maja, answer())
    newest = answer()

    assert rows(maja) == [(newest, 1, 2)]
    assert inbox_page(Inbox(maja)).rows[0].count == 1


def test_read_row_counts_all_events_of_its_group(maja):
    answer()
    read_state.read_group(maja, answer())

    [row] = inbox_page(Inbox(maja)).rows

    assert row.read
    assert row.count == 2


def test_unread_selects_rows_with_unread_events(maja):
    read_state.read_group(maja, ask())
    unread = answer()

    assert rows(maja, selection=Selection(unread=True)) == [(unread, 1, 1)]


def test_event_type_selects_rows_of_that_type(maja):
    ask()
    wanted = answer()

    assert rows(maja, selection=Selection(event_type="new_answer")) == [(wanted, 1, 1)]


def test_pages_have_every_row_once(maja):
    events = [ask() for _ in range(7)]
    answer()
    events += [ask(), answer()]
    shown, before = [], None

    while True:
        page = inbox_page(Inbox(maja), before=before, limit=3)
        shown += [row.event for row in page.rows]
        if not page.next:
            break
        before = Cursor.parse(page.next)

    assert shown == events[::-1]


def test_next_page_is_not_shifted_by_a_new_event(maja):
    events = [ask() for _ in range(4)]
    page = inbox_page(Inbox(maja), limit=2)

    ask()

    following = inbox_page(Inbox(maja), before=Cursor.parse(page.next), limit=2)
    assert [row.event for row in following.rows] == [events[1], events[0]]


def test_pending_events_have_pages(maja, no_redis):
    events = [ask() for _ in range(5)]

    page = inbox_page(Inbox(maja), limit=2)
    following = inbox_page(Inbox(maja), before=Cursor.parse(page.next), limit=3)

    shown = [row.event for row in (*page.rows, *following.rows)]
    assert shown == events[::-1]


def test_row_has_the_followed_topics_as_reasons(maja):
    Topic.objects.create(slug="milk", name="Milk")
    ask()

    [row] = inbox_page(Inbox(maja)).rows

    [reason] = row.reasons
    assert (reason.topic, reason.level) == (MILK, "follow")
    assert reason.label.endswith("Milk")


def test_event_to_everyone_is_in_every_inbox(tobias):
    event = announce()

    [row] = inbox_page(Inbox(tobias)).rows

    assert row.event == event
    assert [reason.topic for reason in row.reasons] == [EVERYONE]


def test_event_to_everyone_leaves_out_later_accounts():
    event = announce()

    later = event.created + timedelta(milliseconds=1)

    assert rows(User.objects.create_user("later", date_joined=later)) == []


def test_event_to_everyone_includes_accounts_of_the_same_millisecond():
    event = announce()

    joined = event.created + timedelta(microseconds=999)
    newcomer = User.objects.create_user("newcomer", date_joined=joined)

    [row] = inbox_page(Inbox(newcomer)).rows
    assert row.event == event
    assert explain(event, newcomer).in_inbox
    assert newcomer in recipients_of(event)


def announce():
    payload = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}
    return outbox.record(NEW_QUESTION, topics=[EVERYONE], payload=payload)


def test_page_takes_a_fixed_number_of_queries(maja, django_assert_max_num_queries):
    for number in range(12):
        answer(question=number)

    with django_assert_max_num_queries(12):
        assert len(rows(maja)) == 12


def test_row_leaves_out_topics_that_the_person_may_not_see(maja, settings):
    Topic.objects.create(slug="oat", name="Secret")
    Topic.objects.create(slug="milk", name="Milk")
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != "topic:oat",
    }
    payload = {"question_id": 1, "title": "Why?", "url": "/"}
    outbox.record(NEW_QUESTION, topics=[MILK, "topic:oat"], payload=payload)

    [row] = inbox_page(Inbox(maja)).rows

    assert [each.topic for each in row.mutable_topics] == [MILK]


def test_inbox_that_is_read_in_several_batches_is_the_same(maja, monkeypatch):
    events = [ask(), ask(), answer()]
    monkeypatch.setattr("notifications.models.inbox.BATCH_TOPICS", 2)

    assert [event for event, *_ in rows(maja)] == events[::-1]
