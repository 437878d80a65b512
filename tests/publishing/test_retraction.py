"""Retraction on the write side: rows that go, and what the log gets of it."""

import uuid
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.db.models.signals import post_delete, pre_delete

from notifications.api import retract
from notifications.exceptions import InvalidValue
from notifications.models import Control, Event, EventTopic, Follow, Inbox
from notifications.models.events import provisional_position
from notifications.protocol.cursor import NO_CURSOR, Cursor
from notifications.protocol.entries import EventEntry, RetractEntry
from notifications.publishing import outbox
from notifications.publishing.retraction import retract_events
from notifications.publishing.unseen import count_unseen
from project.qa.models import Answer, Question
from tests.inboxes import inbox_of
from tests.publishing.recording import record

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def question(maja):
    return Question.objects.create(title="Why?", body="Secret.", author=maja)


@pytest.fixture
def retractions(appended):
    """A function that returns the retractions in the log."""
    return lambda: [each for each in appended() if isinstance(each, RetractEntry)]


def of(entry):
    return (entry.event, entry.type, entry.topics, entry.actor, entry.cursor)


def unmark(event):
    """Leave a row as if its process had died before it marked it as relayed."""
    Event.objects.filter(pk=event.pk).update(
        relayed=None, cursor="", position=provisional_position()
    )


def test_deleted_object_retracts_its_event(question, retractions):
    event = Event.objects.get()
    topics = tuple(event.topics)

    question.delete()

    [entry] = retractions()
    assert of(entry) == (
        str(event.uid),
        "new_question",
        topics,
        str(event.actor_id),
        event.cursor,
    )
    assert not Event.objects.exists()
    assert not EventTopic.objects.exists()
    assert not Control.objects.exists()


def test_retraction_has_nothing_of_the_payload(question, log):
    before = log.position()

    question.delete()

    [record] = log.read(before, until=log.position())
    assert b"Why?" not in record.body
    assert b"url" not in record.body


def test_deleted_query_set_retracts_the_events_of_each_object(
    maja, question, retractions
):
    Question.objects.create(title="How?", body="So.", author=maja)

    Question.objects.all().delete()

    assert len(retractions()) == 2
    assert not Event.objects.exists()


def test_cascade_retracts_the_events_of_what_it_deletes(
    question, tobias, maja, retractions
):
    Answer.objects.create(question=question, body="Because.", author=tobias)
    Answer.objects.create(question=question, body="So.", author=maja)

    question.delete()

    assert sorted(entry.type for entry in retractions()) == [
        "new_answer",
        "new_answer",
        "new_question",
    ]
    assert not Event.objects.exists()


def test_deleted_author_retracts_what_they_wrote(question, maja, retractions):
    maja.delete()

    assert [entry.type for entry in retractions()] == ["new_question"]


def test_all_events_of_an_object_are_retracted(question, retractions):
    first = Event.objects.get()
    record(source=first.source, already_told={"user:7": first.relayed})

    question.delete()

    first, second = retractions()
    assert first.already_told == {}
    assert [*second.already_told] == ["user:7"]


def test_events_of_other_objects_stay(maja, question):
    other = Question.objects.create(title="How?", body="So.", author=maja)

    question.delete()

    assert [event.payload["question_id"] for event in Event.objects.all()] == [other.pk]


def test_created_and_deleted_in_one_transaction_tells_nothing(start, maja, appended):
    with transaction.atomic():
        Question.objects.create(title="Why?", body="So.", author=maja).delete()

    assert [each for each in appended() if isinstance(each, EventEntry)] == []
    assert [each for each in appended() if isinstance(each, RetractEntry)] == []
    assert not Event.objects.exists()


def test_rolled_back_deletion_retracts_nothing(question, retractions):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        question.delete()
        raise ZeroDivisionError

    record()

    assert retractions() == []
    assert Event.objects.count() == 2


def test_rolled_back_savepoint_keeps_the_event_of_the_transaction(maja, appended):
    with transaction.atomic():
        question = Question.objects.create(title="Why?", body="So.", author=maja)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            question.delete()
            raise ZeroDivisionError

    [event] = Event.objects.all()
    assert event.relayed is not None
    assert str(event.uid) in [each.uid for each in appended()]


def test_pending_event_of_a_deleted_object_is_never_relayed(
    start, link, maja, appended
):
    link.cut()
    question = Question.objects.create(title="Why?", body="So.", author=maja)
    question.delete()
    link.mend()

    outbox.sweep()

    kinds = {type(entry) for entry in appended()}
    assert not kinds & {EventEntry, RetractEntry}
    assert not Control.objects.exists()


def test_retraction_is_appended_when_redis_is_back(link, question, retractions):
    link.cut()
    question.delete()
    link.mend()
    assert retractions() == []

    outbox.sweep()

    assert len(retractions()) == 1


def test_retraction_finds_an_event_whose_row_was_not_marked(question, retractions):
    event = Event.objects.get()
    unmark(event)

    question.delete()

    [entry] = retractions()
    assert entry.cursor == event.cursor


def test_event_that_another_process_is_relaying_is_not_appended_any_more(
    link, log, start, appended
):
    link.cut()
    event = record()
    link.mend()
    # As a process does that has read the row, and not appended its entry yet.
    waiting = Event.objects.for_wire().filter(pk=event.pk)
    [row] = waiting
    assert row.topics

    retract(event)
    outbox._relay_rows([row])

    assert [each for each in appended() if isinstance(each, EventEntry)] == []


def test_relaying_a_retraction_again_appends_it_once(question, retractions):
    event = Event.objects.get()
    unmark(event)
    with transaction.atomic():
        question.delete()
        [control] = Control.objects.all()
    Control.objects.create(uid=control.uid, body=control.body)

    outbox.sweep()

    assert len(retractions()) == 1


def test_retracted_entries_are_noted_for_replays(question, log):
    event = Event.objects.get()

    question.delete()

    assert log.retractions().after(NO_CURSOR) == {Cursor.parse(event.cursor)}


def test_notes_of_trimmed_entries_are_removed(question, log, redis_client):
    event = Event.objects.get()
    question.delete()
    later = record()
    later.refresh_from_db()
    redis_client.xtrim(log._stream, minid=later.cursor, approximate=False)

    retract(later)

    assert Cursor.parse(event.cursor) != Cursor.parse(later.cursor)
    assert log.retractions().after(NO_CURSOR) == {Cursor.parse(later.cursor)}


def test_retract_takes_an_event_or_its_uid():
    events = [record() for _ in range(3)]

    found = [
        retract(events[0]),
        retract(events[1].uid),
        retract(str(events[2].uid)),
    ]

    assert found == [True, True, True]
    assert not Event.objects.exists()


def test_retracting_twice_is_no_error(retractions):
    event = record()

    assert retract(event)
    assert not retract(event)
    assert not retract(uuid.uuid4())
    assert len(retractions()) == 1


@pytest.mark.parametrize("uid", ["", "7", "soon", None])
def test_retract_needs_an_event_or_a_uid(uid):
    with pytest.raises(InvalidValue, match="expected an event, or the uid of one"):
        retract(uid)


def test_retracted_event_leaves_inbox_and_count(tobias):
    Follow.objects.create(user=tobias, topic="topic:espresso")
    kept, event = record(), record()

    retract(event)

    assert inbox_of(tobias) == [kept]
    assert count_unseen(Inbox(tobias), up_to=None) == 1


def test_many_events_take_a_few_queries(django_assert_max_num_queries):
    for _ in range(50):
        record()
    events = Event.objects.all()

    with django_assert_max_num_queries(20):
        assert retract_events(events) == 50


def test_event_that_was_set_aside_is_retracted_without_an_entry(retractions):
    event = record()
    Event.objects.filter(pk=event.pk).update(
        relayed=None, cursor="", failure="no entry", type="No type!"
    )

    assert retract(event)

    assert not Event.objects.exists()
    assert not Control.objects.exists()
    assert retractions() == []


def test_no_follower_costs_an_entry(question, start, log, django_user_model):
    for number in range(5):
        follower = django_user_model.objects.create(username=f"f{number}")
        Follow.objects.create(user=follower, topic=f"user:{question.author_id}")
    before = log.position()

    question.delete()

    assert len(list(log.read(before, until=log.position()))) == 1


def test_many_objects_are_retracted_by_a_few_queries(
    question, tobias, retractions, django_assert_max_num_queries
):
    for _ in range(30):
        Answer.objects.create(question=question, body="So.", author=tobias)

    with django_assert_max_num_queries(40):
        question.delete()

    assert len(retractions()) == 31
    assert not Event.objects.exists()


def test_objects_without_events_cost_a_few_queries(
    question, tobias, django_assert_max_num_queries
):
    Answer.objects.bulk_create(
        Answer(question=question, body="So.", author=tobias) for _ in range(30)
    )

    with django_assert_max_num_queries(20):
        question.answers.all().delete()

    assert Event.objects.count() == 1


def test_announced_deletion_that_fails_retracts_nothing(question, maja, retractions):
    other = Question.objects.create(title="How?", body="So.", author=maja)

    with transaction.atomic():
        with refusing(Question), pytest.raises(ZeroDivisionError):
            with transaction.atomic():
                question.delete()
        other.delete()

    assert len(retractions()) == 1
    assert [event.payload["question_id"] for event in Event.objects.all()] == [
        question.pk
    ]


def test_deletion_that_fails_half_way_can_be_repeated(question, maja, retractions):
    Question.objects.create(title="How?", body="So.", author=maja)

    with transaction.atomic():
        with refusing(Question, signal=post_delete), pytest.raises(ZeroDivisionError):
            with transaction.atomic():
                Question.objects.all().delete()
        assert Event.objects.count() == 2
        Question.objects.all().delete()

    assert len(retractions()) == 2
    assert not Event.objects.exists()


def test_objects_deleted_while_others_are_announced(question, maja, retractions):
    other = Question.objects.create(title="How?", body="So.", author=maja)

    def delete_other(instance, **signal):
        if instance == question:
            Question.objects.filter(pk=other.pk).delete()

    pre_delete.connect(delete_other, sender=Question)
    try:
        question.delete()
    finally:
        pre_delete.disconnect(delete_other, sender=Question)

    assert len(retractions()) == 2
    assert not Event.objects.exists()


@contextmanager
def refusing(model, *, signal=pre_delete):
    """Let each deletion of a model's objects fail."""

    def refuse(**options):
        raise ZeroDivisionError

    signal.connect(refuse, sender=model)
    try:
        yield
    finally:
        signal.disconnect(refuse, sender=model)
