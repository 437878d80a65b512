"""Retractions beside transactions of other processes that relay or change the event."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from notifications.api import retract
from notifications.models import Event, now
from notifications.publishing import outbox
from tests.databases import ON_POSTGRESQL
from tests.publishing.recording import record
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_event_retracted_during_the_relay_does_not_stop_the_others(
    link, log, monkeypatch
):
    link.cut()
    record(topics=["question:1"], source="q")
    retracted = record(
        topics=["question:2"], source="q", already_told={"question:1": now()}
    )
    other = record(topics=["question:3"])
    correct = Event.correct_already_told

    def retract_first(event):
        retract(retracted)
        correct(event)

    monkeypatch.setattr(Event, "correct_already_told", retract_first)
    link.mend()
    outbox.sweep()

    other.refresh_from_db()
    assert other.relayed
    assert not Event.objects.filter(pk=retracted.pk).exists()


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite locks no rows.")
def test_event_is_retracted_and_set_aside_at_the_same_time_without_a_deadlock(link):
    link.cut()
    event = record()
    locked = threading.Event()
    errors = []

    def set_aside():
        locked.wait(5)
        try:
            with transaction.atomic():
                Event.objects.filter(pk=event.pk).set_aside("reason")
        except DatabaseError as error:
            errors.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=set_aside)
    other.start()
    try:
        with transaction.atomic():
            Event.objects.select_for_update().get(pk=event.pk)
            locked.set()
            wait_for(is_waiting, what="the other transaction to wait")
            retract(event)
    finally:
        other.join()

    assert errors == []
    assert not Event.objects.exists()


def is_waiting():
    """Tell whether a transaction waits for a lock of another one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0
