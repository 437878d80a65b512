"""Rows that cannot be relayed are set aside, and the others are relayed."""

import pytest
from django.db import connection

from notifications.models import Control, Event, Follow
from notifications.publishing import outbox, set_aside
from notifications.publishing.followables import follow
from notifications.publishing.retraction import retract
from notifications.publishing.sweeper import sweep
from tests.inboxes import inbox_of
from tests.publishing.recording import PAYLOAD, record

pytestmark = pytest.mark.django_db(transaction=True)

# JSON, but not an object.
INVALID = [1]
NESTED = "[" * 995 + "]" * 995


@pytest.fixture
def pending(link, log):
    """Record three events that are pending; Redis is back then."""
    start = log.position()
    link.cut()
    events = [record() for _ in range(3)]
    link.mend()
    assert log.position() == start
    return events


def spoil(event, **values):
    Event.objects.filter(pk=event.pk).update(**values)


def nest(event):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_event SET payload = %s WHERE id = %s",
            [NESTED, event.pk],
        )


def relayed():
    rows = Event.objects.filter(relayed__isnull=False).order_by("pk")
    return [*rows.values_list("pk", flat=True)]


def failure(event):
    return Event.objects.values_list("failure", flat=True).get(pk=event.pk)


def test_event_that_cannot_be_encoded_is_set_aside(pending, caplog):
    first, bad, last = pending
    spoil(bad, payload=INVALID)

    outbox.sweep()

    assert relayed() == [first.pk, last.pk]
    assert "not a mapping" in failure(bad)
    assert not Event.objects.pending().exists()
    [line] = [each for each in caplog.records if each.levelname == "ERROR"]
    assert f"event=set_aside uid={bad.uid} type=" in line.getMessage()


def test_event_of_a_type_that_no_reader_takes_is_set_aside(pending):
    first, bad, last = pending
    spoil(bad, type="New Question")

    outbox.sweep()

    assert relayed() == [first.pk, last.pk]
    assert failure(bad)


def test_event_that_cannot_be_read_is_set_aside(pending):
    first, bad, last = pending
    nest(bad)

    outbox.sweep()

    assert relayed() == [first.pk, last.pk]
    assert failure(bad)


def test_sweep_goes_on_after_a_batch_of_invalid_events(pending, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_BATCH": 1}
    first, second, last = pending
    spoil(first, payload=INVALID)
    nest(second)

    outbox.sweep()

    assert relayed() == [last.pk]


def test_event_that_was_set_aside_is_tried_once(pending, caplog):
    spoil(pending[1], payload=INVALID)

    sweep()
    sweep()

    assert caplog.text.count("event=set_aside") == 1


def test_event_that_was_set_aside_is_in_no_inbox(pending, maja):
    Follow.objects.set_level(maja, "topic:espresso", "follow")
    Follow.objects.update(created=pending[0].created)
    spoil(pending[1], payload=INVALID)
    assert len(inbox_of(maja)) == 3

    outbox.sweep()

    assert {each.pk for each in inbox_of(maja)} == {*relayed()}


def test_event_whose_failure_is_cleared_is_relayed(pending, maja):
    Follow.objects.set_level(maja, "topic:espresso", "follow")
    Follow.objects.update(created=pending[0].created)
    bad = pending[1]
    spoil(bad, payload=INVALID)
    outbox.sweep()

    spoil(bad, payload=PAYLOAD, failure="")
    outbox.sweep()

    assert bad.pk in relayed()
    assert bad in inbox_of(maja)


def test_invalid_event_does_not_stop_the_relay_on_commit(pending):
    spoil(pending[0], payload=INVALID)

    event = record()

    assert event.pk in relayed()
    assert failure(pending[0])


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 10_000, b"\xff", b'{"entry":"x"}'])
def test_control_entry_that_cannot_be_read_is_set_aside(link, log, maja, caplog, body):
    start = log.position()
    link.cut()
    bad = Control.objects.create(body=body)
    follow(maja, "topic:espresso")
    link.mend()

    outbox.sweep()

    entries = [each.decode() for each in log.read(start, until=log.position())]
    assert "topic:espresso" in [getattr(each, "topic", "") for each in entries]
    assert [each.uid for each in Control.objects.all()] == [bad.uid]
    assert Control.objects.get().failure
    assert f"control=set_aside uid={bad.uid}" in caplog.text


def test_reasons_are_those_of_invalid_data_alone(pending, monkeypatch):
    def fail(event):
        raise AttributeError("a bug")

    monkeypatch.setattr(set_aside, "encode_event", fail)

    with pytest.raises(AttributeError):
        outbox.sweep()

    assert Event.objects.pending().count() == 3


def test_event_that_is_retracted_meanwhile_is_not_set_aside():
    event = record()
    event.type = "No type!"
    retract(event)

    assert set_aside.encode_events([event]) == []
    assert not Event.objects.exists()
