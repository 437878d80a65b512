"""A Redis that was restarted or replaced without the end of the log."""

import uuid

import pytest
from django.db import DatabaseError

from notifications.conf import conf
from notifications.log.recovery import Recovery
from notifications.models import Event
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EndEntry, EventEntry, GapEntry
from notifications.publishing import lost_entries as lost_entries_module
from notifications.publishing import outbox
from notifications.publishing.lost_entries import LostEntries
from tests.publishing.recording import record

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lost_entries(log):
    """What a process knows that has seen the Redis of this test."""
    lost_entries = LostEntries()
    lost_entries.relay(["default"])
    return lost_entries


@pytest.fixture
def replaced(monkeypatch):
    """Let Redis look like another one from now on."""

    def replaced(identity="another"):
        monkeypatch.setattr(Recovery, "identity", lambda recovery: identity)

    return replaced


@pytest.fixture
def lose(redis_client):
    """A function that removes an entry of the log and its uid."""

    def lose(uid, cursor):
        prefix = f"{{{conf.KEY_PREFIX}}}"
        assert redis_client.xdel(f"{prefix}:log", cursor)
        assert redis_client.delete(f"{prefix}:uid:{uid}")

    return lose


def kinds(entries):
    return [type(each) for each in entries]


def test_lost_event_is_relayed_again(lost_entries, appended, lose, replaced):
    kept, lost = record(), record()
    lost.refresh_from_db()
    lose(lost.uid, lost.cursor)
    replaced()

    lost_entries.relay(["default"])

    first, again, gap = appended()
    assert [first.uid, again.uid] == [str(kept.uid), str(lost.uid)]
    assert isinstance(gap, GapEntry)
    before = lost.position
    lost.refresh_from_db()
    assert lost.position > before
    assert lost.addresses.get().position == lost.position


def test_nothing_is_relayed_again_when_nothing_is_lost(
    lost_entries, appended, replaced
):
    record()
    replaced()

    lost_entries.relay(["default"])

    assert kinds(appended()) == [EventEntry]


def test_event_that_is_in_the_log_elsewhere_is_not_lost(
    lost_entries, appended, replaced
):
    event = record()
    event.refresh_from_db()
    cursor, later = event.cursor, event.position + 1
    other = str(Cursor.from_position(later))
    Event.objects.update(cursor=other, position=later)
    replaced()

    lost_entries.relay(["default"])

    assert kinds(appended()) == [EventEntry]
    event.refresh_from_db()
    assert event.cursor == cursor


def test_nothing_is_looked_for_in_the_same_redis(lost_entries, appended, lose):
    lost = record()
    lost.refresh_from_db()
    lose(lost.uid, lost.cursor)

    lost_entries.relay(["default"])

    assert appended() == []


def test_process_that_starts_looks_for_what_is_lost(log, appended, lose):
    lost = record()
    lost.refresh_from_db()
    lose(lost.uid, lost.cursor)

    LostEntries().relay(["default"])

    assert kinds(appended()) == [EventEntry, GapEntry]


def test_process_that_starts_looks_although_redis_tells_nothing_of_itself(
    log, appended, lose, replaced
):
    replaced(identity="")
    lost = record()
    lost.refresh_from_db()
    lose(lost.uid, lost.cursor)

    LostEntries().relay(["default"])

    assert EventEntry in kinds(appended())


def test_events_from_before_the_log_are_not_relayed_again(
    lost_entries, log, redis_client, replaced
):
    record()
    redis_client.delete(f"{{{conf.KEY_PREFIX}}}:log")
    start = log.position()
    replaced()

    lost_entries.relay(["default"])

    assert log.position() == start


def test_earlier_events_are_not_looked_for(lost_entries, appended, lose, replaced):
    lost, newest = record(), record()
    lost.refresh_from_db()
    lose(lost.uid, lost.cursor)
    hour = 3_600_000 * 1_000_000
    Event.objects.filter(pk=lost.pk).update(position=lost.position - hour)
    replaced()

    lost_entries.relay(["default"])

    assert [each.uid for each in appended()] == [str(newest.uid)]


def test_lost_control_entry_is_appended_again_before_events(
    lost_entries, log, appended, lose, replaced
):
    uid = str(uuid.uuid4())
    end = EndEntry(uid=uid, user="7", reason="deactivated")
    outbox.record_control(end)
    event = record()
    event.refresh_from_db()
    [control, _] = log.cursors([uid, str(event.uid)])
    lose(uid, str(control))
    lose(event.uid, event.cursor)
    replaced()

    lost_entries.relay(["default"])

    assert kinds(appended()) == [EndEntry, EventEntry, GapEntry]


def test_gap_is_declared_once_by_all_processes(lost_entries, appended, lose, replaced):
    other = LostEntries()
    for processes in ([lost_entries, other], [other]):
        lost = record()
        lost.refresh_from_db()
        lose(lost.uid, lost.cursor)
        replaced(identity=f"another {len(processes)}")
        for each in processes:
            each.relay(["default"])

    assert kinds(appended()) == [EventEntry, GapEntry, EventEntry, GapEntry]


def test_database_that_fails_is_asked_again(
    lost_entries, appended, lose, replaced, monkeypatch
):
    lost = record()
    lost.refresh_from_db()
    lose(lost.uid, lost.cursor)
    replaced()

    def fail(events):
        raise DatabaseError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(lost_entries_module, "relay_events", fail)
        lost_entries.relay(["default"])
    lost_entries.relay(["default"])

    assert kinds(appended()) == [EventEntry, GapEntry]
