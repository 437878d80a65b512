"""Deleted objects: which events are retracted with them."""

from contextlib import contextmanager

import pytest
from django.db import transaction
from django.db.models.signals import post_delete, pre_delete

from notifications.models import Control, Event, EventTopic
from notifications.protocol.entries import EventEntry, RetractEntry
from project.qa.models import Answer, Question
from tests.publishing.recording import record

pytestmark = pytest.mark.django_db(transaction=True)


def of(entry):
    return (entry.event, entry.type, entry.topics, entry.actor, entry.cursor)


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


def test_object_created_and_deleted_in_one_transaction_has_no_event(
    start, maja, appended
):
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


def test_deletion_that_fails_retracts_nothing(question, maja, retractions):
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


def test_objects_deleted_during_another_deletion_are_retracted(
    question, maja, retractions
):
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
