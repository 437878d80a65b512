"""Rows that are done or saved, changed many at a time, and filtered."""

import pytest

from notifications.inbox import read_state, triage
from notifications.inbox.rows import EVERYTHING, inbox_page
from notifications.models import (
    Follow,
    Inbox,
    RowState,
    SelectedRows,
    Selection,
    View,
)
from notifications.models.selected_rows import NEWER_EVENTS
from notifications.protocol.cursor import Cursor
from notifications.publishing import outbox
from tests.inbox.test_read_state import MILK, answer, ask

pytestmark = pytest.mark.django_db(transaction=True)

DONE, SAVED = Selection(view=View.DONE), Selection(view=View.SAVED)


@pytest.fixture(autouse=True)
def follows_milk(maja):
    Follow.objects.set_level(maja, MILK, "follow")


def rows(user, selection=EVERYTHING):
    page = inbox_page(Inbox(user), selection=selection)
    return [(row.event, row.unread, row.total) for row in page.rows]


def found(user, *events):
    inbox = Inbox(user)
    return [inbox.find(event) for event in events]


def test_done_row_is_read_and_comes_back_with_news(maja):
    first, other = answer(), ask()

    triage.finish_rows(maja, found(maja, first))

    assert rows(maja) == [(other, 1, 1)]
    assert rows(maja, DONE) == [(first, 0, 1)]
    assert Inbox(maja).count_unread() == 1
    news = answer()
    assert rows(maja) == [(news, 1, 1), (other, 1, 1)]
    assert rows(maja, DONE) == [(first, 0, 1)]


def test_done_can_be_undone(maja):
    read, unread = ask(), ask()
    read_state.read_group(maja, read)
    token = triage.finish_rows(maja, found(maja, read, unread))
    assert rows(maja) == []

    read_state.undo(maja, token)

    assert rows(maja) == [(unread, 1, 1), (read, 0, 1)]
    assert rows(maja, DONE) == []


def test_undoing_changes_in_turn_keeps_what_was_read_before_them(maja):
    read_state.read_group(maja, answer())
    tokens = [triage.finish_rows(maja, found(maja, answer())) for _ in range(2)]

    for token in reversed(tokens):
        read_state.undo(maja, token)

    assert Inbox(maja).count_unread() == 1


def test_undoing_a_change_keeps_what_was_all_read_since(maja):
    first = triage.finish_rows(maja, found(maja, answer()))
    newest = answer()
    read_state.read_all(maja, newest)
    second = triage.finish_rows(maja, found(maja, newest))

    for token in (second, first):
        read_state.undo(maja, token)

    assert Inbox(maja).count_unread() == 0


def test_reopened_row_is_in_the_inbox(maja):
    event = ask()
    triage.finish_rows(maja, found(maja, event))

    token = triage.reopen_rows(maja, found(maja, event))

    assert rows(maja) == [(event, 0, 1)]
    read_state.undo(maja, token)
    assert rows(maja, DONE) == [(event, 0, 1)]


def test_row_marked_as_unread_is_done_no_longer(maja):
    event = ask()
    triage.finish_rows(maja, found(maja, event))

    read_state.unread_event(maja, event)

    assert rows(maja) == [(event, 1, 1)]


def test_event_done_while_pending_stays_done_when_it_is_relayed(maja, link):
    link.cut()
    event = ask()
    triage.finish_rows(maja, found(maja, event))
    link.mend()

    outbox.sweep()

    assert rows(maja) == []
    assert rows(maja, DONE) == [(event, 0, 1)]


def test_saved_rows_stay_when_they_are_done_until_they_are_saved_no_longer(maja):
    first, second, _ = ask(), ask(), ask()
    triage.save_rows(maja, found(maja, second))
    triage.save_rows(maja, found(maja, first))
    triage.finish_rows(maja, found(maja, first))

    assert rows(maja, SAVED) == [(first, 0, 1), (second, 1, 1)]

    triage.unsave_rows(maja, found(maja, first, second))
    assert rows(maja, SAVED) == []
    assert rows(maja, DONE) == [(first, 0, 1)]


def test_saved_row_stays_when_much_is_new_in_it_for_others(maja):
    event = answer()
    triage.save_rows(maja, found(maja, event))
    for _ in range(NEWER_EVENTS + 1):
        answer(topic="topic:tea")

    assert rows(maja, SAVED) == [(event, 1, 1)]


def test_saved_rows_have_pages(maja):
    events = [ask() for _ in range(5)]
    triage.save_rows(maja, found(maja, *events[::-1]))

    page = inbox_page(Inbox(maja), selection=SAVED, limit=3)
    before = Cursor.parse(page.next)
    following = inbox_page(Inbox(maja), selection=SAVED, before=before, limit=3)

    shown = [row.event for row in (*page.rows, *following.rows)]
    assert shown == events[::-1]
    assert following.next == ""


def test_filters_combine(maja, tobias):
    Follow.objects.set_level(maja, "user:7", "follow")
    milk, person, read = ask(), ask("user:7"), ask("user:7")
    answer()
    read_state.read_group(maja, read)

    def shown(**options):
        return [event for event, *_ in rows(maja, Selection(**options))]

    assert shown(topic="user:7") == [read, person]
    assert shown(kind="user", unread=True) == [person]
    assert shown(event_type="new_question", kind="topic") == [milk]
    assert shown(topic=MILK, kind="user") == []


def test_search_finds_titles_in_any_case(maja):
    wanted = ask(title="Wie schäumt man Öl?")
    ask(title="Why?")

    assert rows(maja, Selection(query="ÖL")) == [(wanted, 1, 1)]


def test_reading_what_is_selected_leaves_the_rest_unread(maja):
    question, reply = ask(), answer()
    selection = Selection(unread=True, event_type="new_answer")
    shown = SelectedRows(Inbox(maja), selection).newest(up_to=reply.position)
    later = answer()

    token = triage.read_rows(maja, shown)

    assert rows(maja, Selection(unread=True)) == [(later, 1, 2), (question, 1, 1)]
    read_state.undo(maja, token)
    assert rows(maja)[0] == (later, 2, 2)


def test_change_of_many_rows_takes_a_fixed_number_of_queries(
    maja, django_assert_max_num_queries
):
    events = found(maja, *(ask() for _ in range(40)))

    with django_assert_max_num_queries(30):
        triage.finish_rows(maja, events)

    assert RowState.objects.count() == 40
