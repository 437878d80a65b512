import itertools

import pytest

from notifications.exceptions import InvalidValue
from notifications.inbox import read_state
from notifications.models import Event, Follow, Inbox, Preference, ReadMark
from notifications.publishing import outbox
from notifications.publishing.unseen import unseen_rows
from project.qa.notifications import NEW_ANSWER, NEW_QUESTION
from tests.inboxes import unread_of

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"
numbers = itertools.count(1000)


@pytest.fixture(autouse=True)
def follows_milk(maja):
    Follow.objects.set_level(maja, MILK, "follow")


def ask(topic=MILK, title="Why?", **options):
    # Events about the same question share a row.
    payload = {"question_id": next(numbers), "title": title, "url": "/questions/1/"}
    event = outbox.record(NEW_QUESTION, topics=[topic], payload=payload, **options)
    event.refresh_from_db()
    return event


def answer(question=1, topic=MILK, **options):
    payload = {
        "answer_id": 1,
        "question_id": question,
        "title": "Why?",
        "url": f"/questions/{question}/",
        "excerpt": "So.",
    }
    event = outbox.record(NEW_ANSWER, topics=[topic], payload=payload, **options)
    event.refresh_from_db()
    return event


def unread(user):
    return unread_of(user)[::-1]


def unseen(user):
    return len(unseen_rows(Inbox(user), up_to=None))


def test_new_event_is_unseen_and_unread(maja):
    event = ask()

    assert unread(maja) == [event]
    assert unseen(maja) == 1


def test_seen_event_stays_unread(maja):
    event = ask()

    read_state.see_all(maja)

    assert unseen(maja) == 0
    assert unread(maja) == [event]


def test_event_after_see_all_is_unseen(maja):
    ask()
    read_state.see_all(maja)

    ask()

    assert unseen(maja) == 1


def test_read_all_leaves_newer_events_unread(maja):
    ask()
    shown = ask()
    newer = ask()

    read_state.read_all(maja, shown)

    assert unread(maja) == [newer]


def test_read_all_of_an_older_event_unreads_nothing(maja):
    older, newer = ask(), ask()
    read_state.read_all(maja, newer)

    read_state.read_all(maja, older)

    assert unread(maja) == []


def test_event_committed_late_is_unread_even_if_recorded_first(maja, link):
    shown = ask()
    read_state.read_all(maja, shown)
    read_state.see_all(maja)
    link.cut()
    late = ask()
    link.mend()
    # It was recorded before the other one, in a transaction that took longer.
    for rows in (Event.objects.filter(pk=late.pk), late.addresses):
        rows.update(position=shown.position - 1)
    assert unread(maja) == [late]

    outbox.sweep()

    assert unread(maja) == [late]
    assert unseen(maja) == 1


def test_read_group_leaves_other_groups_unread(maja):
    first, second = ask(), ask()

    read_state.read_group(maja, first)

    assert unread(maja) == [second]


def test_read_group_leaves_newer_events_of_the_group_unread(maja):
    answer()
    shown = answer()
    newer, other = answer(), answer(question=2)

    read_state.read_group(maja, shown)

    assert unread(maja) == [newer, other]


def test_read_event_can_be_marked_as_unread(maja):
    first, second = ask(), ask()
    read_state.read_all(maja, second)

    read_state.unread_event(maja, first)

    assert unread(maja) == [first]


def test_read_event_is_not_unseen(maja):
    event = ask()

    read_state.read_group(maja, event)

    assert unseen(maja) == 0


def test_read_all_overrides_earlier_marks(maja):
    first, second = ask(), ask()
    read_state.read_all(maja, second)
    read_state.unread_event(maja, first)

    read_state.read_all(maja, second)

    assert unread(maja) == []


def test_read_all_keeps_newer_events_read(maja):
    shown, newer = ask(), ask()
    read_state.read_group(maja, newer)

    read_state.read_all(maja, shown)

    assert unread(maja) == []


def test_undo_of_read_all_restores_the_state(maja):
    first, second, third = ask(), ask(), ask()
    read_state.read_group(maja, second)
    token = read_state.read_all(maja, third)

    read_state.undo(maja, token)

    assert unread(maja) == [first, third]


def test_undo_of_read_all_keeps_later_marks(maja):
    first, second = ask(), ask()
    token = read_state.read_all(maja, second)
    third = ask()
    read_state.read_group(maja, third)

    read_state.undo(maja, token)

    assert unread(maja) == [first, second]


def test_undo_of_read_group_restores_the_earlier_mark(maja):
    first = answer()
    read_state.read_group(maja, first)
    second, third = answer(), answer()
    token = read_state.read_group(maja, third)

    read_state.undo(maja, token)

    assert unread(maja) == [second, third]


def test_undo_of_unread_event_removes_the_mark(maja):
    event = ask()
    read_state.read_all(maja, event)
    token = read_state.unread_event(maja, event)

    read_state.undo(maja, token)

    assert unread(maja) == []
    assert not ReadMark.objects.exists()


def test_token_undoes_only_once(maja):
    first, second = ask(), ask()
    token = read_state.read_all(maja, first)
    read_state.undo(maja, token)
    read_state.read_all(maja, second)

    read_state.undo(maja, token)

    assert unread(maja) == []


@pytest.mark.parametrize("token", ["", "x", "W10:1:2"])
def test_invalid_token_is_refused(maja, token):
    with pytest.raises(InvalidValue):
        read_state.undo(maja, token)


def test_token_of_another_person_is_refused(maja, tobias):
    token = read_state.read_all(maja, ask())

    with pytest.raises(InvalidValue):
        read_state.undo(tobias, token)


def test_event_of_an_inbox_only_type_is_not_unseen(maja):
    Preference.objects.set(maja, "new_question", "inbox")

    event = ask()

    assert unread(maja) == [event]
    assert unseen(maja) == 0


def test_event_of_a_turned_off_type_is_not_in_the_inbox(maja):
    Preference.objects.set(maja, "new_question", "off")
    ask()

    wanted = answer()

    assert unread(maja) == [wanted]


@pytest.mark.parametrize("delivery", ["inbox", "off"])
def test_watched_topic_overrides_preferences(maja, delivery):
    Preference.objects.set(maja, "new_question", delivery)
    Follow.objects.set_level(maja, MILK, "watch")

    event = ask()

    assert unread(maja) == [event]
    assert unseen(maja) == 1


def test_topic_that_is_read_has_nothing_unread(maja):
    Follow.objects.set_level(maja, "topic:tea", "follow")
    first, second, other = ask(), answer(), ask("topic:tea")

    read_state.read_topic(maja, MILK)

    assert unread(maja) == [other]
    newest = ask()
    assert unread(maja) == [other, newest]
    assert {first, second}.isdisjoint(unread(maja))


def test_reading_a_topic_marks_what_was_marked_as_unread(maja):
    event = ask()
    read_state.read_group(maja, event)
    read_state.unread_event(maja, event)

    read_state.read_topic(maja, MILK)

    assert unread(maja) == []


def test_reading_a_topic_again_changes_nothing(maja):
    ask()
    read_state.read_topic(maja, MILK)
    before = ReadMark.objects.get()

    read_state.read_topic(maja, MILK)

    assert ReadMark.objects.get().version == before.version


def test_reading_a_topic_marks_the_threads_about_it(maja):
    answer(question=1)
    other = answer(question=2)

    read_state.read_topic(maja, "question:1")

    assert unread(maja) == [other]
