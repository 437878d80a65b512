import pytest

from notifications.exceptions import InvalidValue
from notifications.inbox import read_state
from notifications.models import Event, Follow, Preference, ReadMark
from notifications.publishing import outbox
from project.qa.notifications import NEW_ANSWER, NEW_QUESTION

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


@pytest.fixture(autouse=True)
def follows_milk(maja):
    Follow.objects.set_level(maja, MILK, "follow")


def ask(topic=MILK, **options):
    payload = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}
    event = outbox.record(NEW_QUESTION, topics=[topic], payload=payload, **options)
    event.refresh_from_db()
    return event


def answer(question=1, **options):
    payload = {
        "answer_id": 1,
        "question_id": question,
        "title": "Why?",
        "url": f"/questions/{question}/",
        "excerpt": "So.",
    }
    event = outbox.record(NEW_ANSWER, topics=[MILK], payload=payload, **options)
    event.refresh_from_db()
    return event


def unread(user):
    return [*Event.objects.unread(user).order_by("position")]


def unseen(user):
    return Event.objects.count_unseen(user)


def test_what_comes_is_neither_seen_nor_read(maja):
    event = ask()

    assert unread(maja) == [event]
    assert unseen(maja) == 1


def test_what_is_seen_stays_unread(maja):
    event = ask()

    read_state.see_all(maja)

    assert unseen(maja) == 0
    assert unread(maja) == [event]


def test_what_comes_after_it_was_seen_is_not_seen(maja):
    ask()
    read_state.see_all(maja)

    ask()

    assert unseen(maja) == 1


def test_all_up_to_an_event_is_read_and_what_is_newer_is_not(maja):
    ask()
    shown = ask()
    newer = ask()

    read_state.read_all(maja, shown)

    assert unread(maja) == [newer]


def test_reading_never_goes_back(maja):
    older, newer = ask(), ask()
    read_state.read_all(maja, newer)

    read_state.read_all(maja, older)

    assert unread(maja) == []


def test_what_is_relayed_late_is_unread_though_it_was_recorded_first(maja, link):
    Follow.objects.set_level(maja, "topic:oat", "follow")
    link.cut()
    late = ask("topic:oat")
    link.mend()
    shown = answer()
    read_state.read_all(maja, shown)

    outbox.sweep()

    assert late.pk < shown.pk
    assert unread(maja) == [late]


def test_one_row_is_read_and_the_others_are_not(maja):
    first, second = ask(), ask()

    read_state.read_group(maja, first)

    assert unread(maja) == [second]


def test_a_row_is_its_group_up_to_what_was_shown(maja):
    answer()
    shown = answer()
    newer, other = answer(), answer(question=2)

    read_state.read_group(maja, shown)

    assert unread(maja) == [newer, other]


def test_what_was_read_can_be_marked_as_unread(maja):
    first, second = ask(), ask()
    read_state.read_all(maja, second)

    read_state.unread_event(maja, first)

    assert unread(maja) == [first]


def test_what_is_read_is_not_counted_by_the_bell(maja):
    event = ask()

    read_state.read_group(maja, event)

    assert unseen(maja) == 0


def test_marking_all_forgets_what_was_marked_one_by_one(maja):
    first, second = ask(), ask()
    read_state.read_all(maja, second)
    read_state.unread_event(maja, first)

    read_state.read_all(maja, second)

    assert unread(maja) == []


def test_what_was_read_beyond_the_shown_stays_read(maja):
    shown, newer = ask(), ask()
    read_state.read_group(maja, newer)

    read_state.read_all(maja, shown)

    assert unread(maja) == []


def test_marking_all_is_undone(maja):
    first, second, third = ask(), ask(), ask()
    read_state.read_group(maja, second)
    token = read_state.read_all(maja, third)

    read_state.undo(maja, token)

    assert unread(maja) == [first, third]


def test_undoing_keeps_what_was_marked_since(maja):
    first, second = ask(), ask()
    token = read_state.read_all(maja, second)
    third = ask()
    read_state.read_group(maja, third)

    read_state.undo(maja, token)

    assert unread(maja) == [first, second]


def test_marking_one_is_undone_and_a_group_is_as_it_was(maja):
    first = answer()
    read_state.read_group(maja, first)
    second, third = answer(), answer()
    token = read_state.read_group(maja, third)

    read_state.undo(maja, token)

    assert unread(maja) == [second, third]


def test_marking_as_unread_is_undone(maja):
    event = ask()
    read_state.read_all(maja, event)
    token = read_state.unread_event(maja, event)

    read_state.undo(maja, token)

    assert unread(maja) == []
    assert not ReadMark.objects.exists()


def test_a_token_undoes_once(maja):
    first, second = ask(), ask()
    token = read_state.read_all(maja, first)
    read_state.undo(maja, token)
    read_state.read_all(maja, second)

    read_state.undo(maja, token)

    assert unread(maja) == []


@pytest.mark.parametrize("token", ["", "x", "W10:1:2"])
def test_what_is_no_token_is_refused(maja, token):
    with pytest.raises(InvalidValue):
        read_state.undo(maja, token)


def test_a_token_of_somebody_else_is_refused(maja, tobias):
    token = read_state.read_all(maja, ask())

    with pytest.raises(InvalidValue):
        read_state.undo(tobias, token)


def test_what_is_only_for_the_inbox_does_not_ring_the_bell(maja):
    Preference.objects.set(maja, "new_question", "inbox")

    event = ask()

    assert unread(maja) == [event]
    assert unseen(maja) == 0


def test_what_is_off_is_not_in_the_inbox(maja):
    Preference.objects.set(maja, "new_question", "off")
    ask()

    wanted = answer()

    assert unread(maja) == [wanted]


@pytest.mark.parametrize("delivery", ["inbox", "off"])
def test_who_watches_is_told_of_everything(maja, delivery):
    Preference.objects.set(maja, "new_question", delivery)
    Follow.objects.set_level(maja, MILK, "watch")

    event = ask()

    assert unread(maja) == [event]
    assert unseen(maja) == 1
