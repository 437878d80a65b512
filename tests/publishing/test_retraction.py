"""Retraction on the write side: rows that go, and what the log gets of it."""

import uuid

import pytest
from django.db import transaction

from notifications.api import retract
from notifications.exceptions import InvalidValue
from notifications.models import Control, Event, Follow, Inbox
from notifications.models.events import provisional_position
from notifications.protocol.cursor import NO_CURSOR, Cursor
from notifications.protocol.entries import EventEntry, RetractEntry
from notifications.publishing import event_relay, outbox
from notifications.publishing.retraction import retract_events
from notifications.publishing.unseen import unseen_rows
from project.qa.models import Question
from tests.inboxes import inbox_of
from tests.publishing.recording import record

pytestmark = pytest.mark.django_db(transaction=True)


def unmark(event):
    """Leave a row as if its process had died before it marked it as relayed."""
    Event.objects.filter(pk=event.pk).update(
        relayed=None, cursor="", position=provisional_position()
    )


def test_retraction_has_nothing_of_the_payload(question, log):
    before = log.position()

    question.delete()

    [record] = log.read(before, until=log.position())
    assert b"Why?" not in record.body
    assert b"url" not in record.body


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
    event_relay._relay_rows([row])

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
    assert len(unseen_rows(Inbox(tobias), up_to=None)) == 1


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


def test_retraction_is_one_entry_however_many_follow(
    question, start, log, django_user_model
):
    for number in range(5):
        follower = django_user_model.objects.create_user(f"f{number}")
        Follow.objects.create(user=follower, topic=f"user:{question.author_id}")
    before = log.position()

    question.delete()

    assert len(list(log.read(before, until=log.position()))) == 1
