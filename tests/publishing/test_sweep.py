import pytest

from notifications.log.lock import Lock
from notifications.models import Control, Event, EventTopic, now
from notifications.protocol.entries import FollowEntry
from notifications.publishing import outbox
from notifications.publishing.followables import follow, unfollow
from tests.publishing.recording import record
from tests.users import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_sweep_relays_pending_events_in_order(start, link, settings, appended):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_BATCH": 2}
    link.cut()
    events = [record() for _ in range(5)]
    link.mend()

    assert outbox.sweep() == 5

    assert [entry.uid for entry in appended()] == [str(each.uid) for each in events]
    assert not Event.objects.pending().exists()


def test_sweep_without_pending_rows_does_not_use_redis(no_redis):
    assert outbox.sweep() == 0


def test_sweep_does_nothing_without_the_lock(log, link):
    link.cut()
    record()
    link.mend()

    with log.exclusive("sweep", seconds=5) as lock:
        assert lock.renew()
        assert outbox.sweep() == 0

    assert Event.objects.pending().exists()


def test_event_that_is_in_the_log_is_not_appended_again(appended):
    event = record()
    Event.objects.update(relayed=None, cursor="")

    outbox.sweep()

    event.refresh_from_db()
    assert len(appended()) == 1
    assert event.cursor


def test_sweep_relays_control_entries(start, link, appended):
    user = User.objects.create_user("maja")
    link.cut()
    follow(user, "topic:espresso")
    link.mend()

    assert outbox.sweep() == 2

    followed, counted = appended()
    assert followed.topic == "topic:espresso"
    assert (counted.user, counted.unseen_count) == (str(user.pk), 0)
    assert not Control.objects.exists()


def test_sweep_stops_when_it_loses_the_lock(start, link, settings, monkeypatch):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_BATCH": 2}
    monkeypatch.setattr(outbox, "SWEEP_LOCK_SECONDS", 5)
    link.cut()
    for _ in range(5):
        record()
    link.mend()
    answers = iter([True, False])
    monkeypatch.setattr(Lock, "renew", lambda lock: next(answers))

    assert outbox.sweep() == 2


def test_overdue_follow_is_relayed_before_the_next_change(start, link, appended):
    user = User.objects.create_user("maja")
    link.cut()
    follow(user, "topic:espresso")
    link.mend()

    unfollow(user, "topic:espresso")
    outbox.sweep()

    follows = [entry for entry in appended() if isinstance(entry, FollowEntry)]
    assert [entry.level for entry in follows] == ["follow", ""]


def test_sweep_corrects_when_earlier_events_were_relayed(start, link, appended):
    link.cut()
    first = record(topics=["topic:a"], source="x")
    second = record(
        topics=["topic:b"], source="x", already_told={"topic:a": first.created}
    )
    link.mend()

    outbox.sweep()

    first.refresh_from_db()
    second = Event.objects.get(pk=second.pk)
    assert second.already_told == {"topic:a": first.relayed}
    already_told = appended()[1].already_told
    assert already_told == {"topic:a": round(first.relayed.timestamp() * 1000)}


def test_sweep_fills_positions_that_an_older_version_left_out(maja):
    event = Event.objects.create(type="new_question", relayed=now())
    EventTopic.objects.bulk_create(
        EventTopic(event=event, topic=f"topic:{number}", position=0)
        for number in range(3)
    )

    outbox.sweep()

    positions = EventTopic.objects.values_list("position", flat=True)
    assert [*positions] == [event.position] * 3
