"""What was seen and read while it was pending stays so when it is relayed."""

import pytest

from notifications.inbox import read_state
from notifications.inbox.explain import explain
from notifications.models import (
    DueCount,
    Event,
    EventTopic,
    Follow,
    Inbox,
    ReadState,
    pending_events,
    reading,
)
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import CountEntry, EventEntry
from notifications.publishing import outbox
from notifications.publishing.unseen import unseen_rows
from project.qa.notifications import NEW_ANSWER
from tests.inboxes import unread_of

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


@pytest.fixture(autouse=True)
def follows_milk(maja):
    Follow.objects.set_level(maja, MILK, "follow")


@pytest.fixture
def outage(link, log):
    """Redis is unavailable; the function that is returned ends that, and sweeps."""
    start = log.position()
    link.cut()

    def end():
        link.mend()
        outbox.sweep()
        return [entry.decode() for entry in log.read(start, until=log.position())]

    return end


def answer(question=1):
    """Record an answer; those of a question share a row of the inbox."""
    payload = {
        "answer_id": 1,
        "question_id": question,
        "title": "Why?",
        "url": "/",
        "excerpt": "So.",
    }
    return outbox.record(NEW_ANSWER, topics=[MILK], payload=payload)


def unread(user):
    return unread_of(user)[::-1]


def unseen(user):
    return len(unseen_rows(Inbox(user), up_to=None))


def test_pending_events_are_those_of_the_inbox(maja, outage):
    outbox.record(
        NEW_ANSWER, topics=["topic:tea"], payload=answer().payload, source="foreign"
    )
    mine = Event.objects.get(source="")

    assert [each.pk for each in pending_events(Inbox(maja))] == [mine.pk]
    outage()
    assert pending_events(Inbox(maja)) == []


def test_event_seen_while_pending_stays_seen(maja, outage):
    event = answer()
    read_state.see_all(maja)

    outage()

    assert unseen(maja) == 0
    assert unread(maja) == [event]
    assert explain(Event.objects.get(), maja).seen


def test_event_recorded_after_the_look_stays_unseen(maja, outage):
    answer()
    read_state.see_all(maja)
    later = answer()

    outage()

    assert unseen(maja) == 1
    assert not explain(Event.objects.get(pk=later.pk), maja).seen


def test_event_relayed_during_the_look_is_seen(maja, link, log, monkeypatch):
    link.cut()
    answer()
    link.mend()
    newest_position = Inbox.newest_position

    def relay_first(inbox):
        outbox.sweep()
        return newest_position(inbox)

    monkeypatch.setattr(Inbox, "newest_position", relay_first)

    read_state.see_all(maja)

    assert unseen(maja) == 0


def test_events_read_together_while_pending_stay_read(maja, outage):
    older, shown = answer(), answer(2)
    newer = answer(3)
    read_state.read_all(maja, shown)
    assert unread(maja) == [newer]

    outage()

    assert unread(maja) == [newer]
    assert Event.objects.get(pk=older.pk).relayed


def test_group_read_while_pending_stays_read(maja, outage):
    answer()
    shown, other = answer(), answer(2)
    newer = answer()
    read_state.read_group(maja, shown)
    assert unread(maja) == [other, newer]

    outage()

    assert unread(maja) == [other, newer]


def test_event_marked_as_unread_while_pending_stays_unread(maja, outage):
    older, event = answer(), answer()
    read_state.read_all(maja, event)
    read_state.unread_event(maja, event)
    assert unread(maja) == [event]

    outage()

    assert unread(maja) == [event]
    assert older.pk < event.pk


@pytest.mark.parametrize("is_relayed", [False, True], ids=["pending", "relayed"])
@pytest.mark.parametrize("mark", [read_state.read_all, read_state.read_group])
def test_undo_restores_what_was_pending(maja, outage, mark, is_relayed):
    first, second = answer(), answer()
    read_state.read_group(maja, first)
    token = mark(maja, second)
    assert unread(maja) == []
    if is_relayed:
        outage()

    read_state.undo(maja, token)

    assert unread(maja) == [second]


def test_undo_of_unread_restores_what_was_pending(maja, outage):
    event = answer()
    read_state.read_all(maja, event)
    token = read_state.unread_event(maja, event)
    outage()
    assert unread(maja) == [event]

    read_state.undo(maja, token)

    assert unread(maja) == []


def test_undo_of_a_group_leaves_what_was_marked_again(maja, outage):
    event = answer()
    token = read_state.read_group(maja, event)
    read_state.read_all(maja, event)

    read_state.undo(maja, token)

    assert unread(maja) == []
    outage()
    assert unread(maja) == []


def test_event_loaded_before_its_relay_is_read_after_it(maja, link, log):
    link.cut()
    event = answer()
    link.mend()
    outbox.sweep()

    read_state.read_all(maja, event)

    assert event.relayed is None
    assert unread(maja) == []


def test_marks_are_dropped_when_positions_cover_them(maja, outage):
    first = answer()
    read_state.see_all(maja)
    read_state.read_all(maja, first)
    outage()
    for _ in range(2):
        newest = answer()
        newest.refresh_from_db()
        read_state.see_all(maja)
        read_state.read_all(maja, newest)

    state = ReadState.of(maja)
    assert (state.seen_pending, state.read_pending) == (None, None)
    assert unread(maja) == []


def test_the_newest_marks_are_kept(maja, outage, monkeypatch):
    monkeypatch.setattr(reading, "MAX_PENDING", 2)
    first, *_, last = [answer() for _ in range(3)]
    read_state.see_all(maja)
    read_state.read_all(maja, last)

    outage()

    assert unread(maja) == [first]
    assert unseen(maja) == 1


def test_streams_get_the_count_after_the_events_that_were_seen(maja, outage):
    answer()
    read_state.see_all(maja)

    entries = outage()

    assert isinstance(entries[-2], EventEntry)
    assert isinstance(entries[-1], CountEntry)
    assert entries[-1].unseen_count == 0


def test_count_stays_due_until_what_was_seen_is_relayed(maja, link, log):
    link.cut()
    answer()
    link.mend()

    read_state.see_all(maja)

    assert DueCount.objects.count() == 1
    outbox.sweep()
    assert not DueCount.objects.exists()


def answer_by_a_clock_ahead():
    """Record an answer whose position is a minute later than that of the log."""
    event = answer()
    event.position += Cursor(60_000, 0).position
    event.save()
    EventTopic.objects.filter(event=event).update(position=event.position)
    return event


def test_what_is_relayed_later_is_unseen_although_a_clock_was_ahead(maja, outage):
    answer_by_a_clock_ahead()
    read_state.see_all(maja)

    outage()
    answer()

    assert unseen(maja) == 1


@pytest.mark.parametrize(
    "mark", [read_state.read_all, read_state.read_group], ids=lambda mark: mark.__name__
)
def test_what_is_relayed_later_is_unread_although_a_clock_was_ahead(maja, outage, mark):
    mark(maja, answer_by_a_clock_ahead())

    outage()
    new = answer()

    assert unread(maja) == [new]


def test_mark_as_unread_covers_nothing_later_although_a_clock_was_ahead(maja, outage):
    event = answer_by_a_clock_ahead()
    read_state.read_all(maja, event)
    read_state.unread_event(maja, event)

    outage()
    new = answer()

    assert unread(maja) == [event, new]


def test_topic_that_is_read_while_pending_stays_read(maja, outage):
    answer()

    read_state.read_topic(maja, MILK)

    assert unread(maja) == []
    outage()
    assert unread(maja) == []
    later = answer()
    assert unread(maja) == [later]
