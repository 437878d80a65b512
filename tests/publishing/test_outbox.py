import json

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from notifications.exceptions import InvalidPayload, InvalidTopic
from notifications.log.lock import Lock
from notifications.models import Control, Event
from notifications.protocol.entries import EventEntry, FollowEntry
from notifications.publishing import outbox
from notifications.publishing.followables import follow, unfollow
from notifications.signals import event_recorded
from project.qa.notifications import NEW_QUESTION

pytestmark = pytest.mark.django_db(transaction=True)

PAYLOAD = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}


def record(**options):
    options = {"topics": ["topic:espresso"], "payload": PAYLOAD, **options}
    return outbox.record(NEW_QUESTION, **options)


@pytest.fixture
def start(log):
    return log.position()


@pytest.fixture
def appended(log, start):
    """A function that returns the entries since the start of the test."""
    return lambda: [entry.decode() for entry in log.read(start, until=log.position())]


def test_an_event_is_relayed_when_its_transaction_commits(appended):
    with transaction.atomic():
        event = record()
        assert appended() == []

    [entry] = appended()
    event.refresh_from_db()
    assert entry.uid == str(event.uid)
    assert entry.topics == ("topic:espresso",)
    assert event.relayed is not None
    assert event.cursor


def test_the_data_has_the_fields_of_every_event_and_those_of_the_payload(appended):
    actor = User.objects.create_user("maja")

    event = record(actor=actor)

    [entry] = appended()
    assert json.loads(entry.data) == {
        "uid": str(event.uid),
        "type": "new_question",
        "topics": ["topic:espresso"],
        "actor": {"id": actor.pk, "name": "maja"},
        "created": event.created.isoformat(timespec="milliseconds"),
        **PAYLOAD,
    }


def test_an_event_of_a_transaction_that_is_rolled_back_never_was(appended):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record()
        raise ZeroDivisionError

    record()

    assert len(appended()) == Event.objects.count() == 1


def test_a_savepoint_that_is_rolled_back_takes_only_its_own_events(appended):
    with transaction.atomic():
        kept = record()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            record()
            raise ZeroDivisionError
        also_kept = record()

    assert [entry.uid for entry in appended()] == [str(kept.uid), str(also_kept.uid)]


def test_events_recorded_after_a_savepoint_that_was_first_are_relayed(appended):
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            record()
            raise ZeroDivisionError
        kept = record()

    assert [entry.uid for entry in appended()] == [str(kept.uid)]


def test_the_events_of_one_transaction_keep_their_order(appended):
    with transaction.atomic():
        events = [record() for _ in range(5)]

    assert [entry.uid for entry in appended()] == [str(each.uid) for each in events]


def test_a_wrong_payload_is_refused_and_nothing_written():
    with pytest.raises(InvalidPayload, match=r"question_id"):
        record(payload={**PAYLOAD, "question_id": "one"})

    assert not Event.objects.exists()


def test_a_wrong_topic_is_refused_and_nothing_written():
    with pytest.raises(InvalidTopic, match="no topic"):
        record(topics=["topic:espresso", "no topic"])

    assert not Event.objects.exists()


def test_too_many_topics_are_refused(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_TOPICS_PER_EVENT": 2}

    with pytest.raises(InvalidTopic, match="at most 2 topics"):
        record(topics=["topic:a", "topic:b", "topic:c"])


def test_a_topic_named_twice_counts_once(appended):
    record(topics=["topic:a", "topic:a"])

    assert appended()[0].topics == ("topic:a",)


def test_a_signal_tells_of_what_is_recorded():
    heard = []
    event_recorded.connect(
        lambda event, **signal: heard.append(event), weak=False, dispatch_uid="test"
    )

    event = record()

    event_recorded.disconnect(dispatch_uid="test")
    assert heard == [event]


def test_without_redis_saving_succeeds_and_the_event_stays_pending(no_redis):
    event = record()

    event.refresh_from_db()
    assert list(Event.objects.pending()) == [event]


def test_a_sweep_relays_what_is_pending_in_order(start, link, settings, appended):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_BATCH": 2}
    link.cut()
    events = [record() for _ in range(5)]
    link.mend()

    assert outbox.sweep() == 5

    assert [entry.uid for entry in appended()] == [str(each.uid) for each in events]
    assert not Event.objects.pending().exists()


def test_a_sweep_with_nothing_pending_does_not_ask_redis(no_redis):
    assert outbox.sweep() == 0


def test_a_sweep_leaves_the_work_to_who_has_the_lock(log, link):
    link.cut()
    record()
    link.mend()

    with log.exclusive("sweep", seconds=5) as lock:
        assert lock.renew()
        assert outbox.sweep() == 0

    assert Event.objects.pending().exists()


def test_an_event_that_was_appended_but_not_marked_is_not_appended_again(appended):
    event = record()
    Event.objects.update(relayed=None, cursor="")

    outbox.sweep()

    event.refresh_from_db()
    assert len(appended()) == 1
    assert event.cursor


def test_a_sweep_relays_changes_of_follows_too(start, link, appended):
    user = User.objects.create_user("maja")
    link.cut()
    follow(user, "topic:espresso")
    link.mend()

    assert outbox.sweep() == 2

    followed, counted = appended()
    assert followed.topic == "topic:espresso"
    assert (counted.user, counted.unseen_count) == (str(user.pk), 0)
    assert not Control.objects.exists()


def test_a_follow_is_told_to_the_streams_on_commit(appended):
    user = User.objects.create_user("maja")

    made = follow(user, "topic:espresso")

    entry, _counted = appended()
    assert isinstance(entry, FollowEntry)
    assert (entry.user, entry.topic, entry.level) == (
        str(user.pk),
        "topic:espresso",
        "follow",
    )
    assert entry.since == round(made.created.timestamp() * 1000)
    assert not Control.objects.exists()


def test_what_was_told_before_is_in_the_entry(appended):
    first = record(topics=["topic:a"])
    first.refresh_from_db()

    record(topics=["topic:b"], already_told={"topic:a": first.relayed})

    entry = appended()[1]
    assert isinstance(entry, EventEntry)
    assert entry.topics == ("topic:b",)
    assert entry.already_told == {"topic:a": round(first.relayed.timestamp() * 1000)}


def test_an_event_that_is_late_goes_before_the_next_of_its_topic(start, link, appended):
    link.cut()
    late = record(topics=["topic:a", "topic:b"])
    other = record(topics=["topic:c"])
    link.mend()

    new = record(topics=["topic:a"])

    assert [entry.uid for entry in appended()] == [str(late.uid), str(new.uid)]
    assert list(Event.objects.pending()) == [other]


def test_a_new_event_does_not_wait_behind_many(start, link, appended, monkeypatch):
    monkeypatch.setattr(outbox, "OVERDUE_LIMIT", 2)
    link.cut()
    for _ in range(3):
        record(topics=["topic:a"])
    link.mend()

    new = record(topics=["topic:a"])

    assert [entry.uid for entry in appended()] == [str(new.uid)]


def test_a_sweep_stops_when_its_lock_is_taken(start, link, settings, monkeypatch):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_BATCH": 2}
    monkeypatch.setattr(outbox, "SWEEP_LOCK_SECONDS", 5)
    link.cut()
    for _ in range(5):
        record()
    link.mend()
    answers = iter([True, False])
    monkeypatch.setattr(Lock, "renew", lambda lock: next(answers))

    assert outbox.sweep() == 2


def test_an_error_of_ours_in_the_relay_leaves_the_save_as_it_is(monkeypatch, caplog):
    heard = []

    def fail(events):
        raise RuntimeError("ours")

    monkeypatch.setattr(outbox, "relay", fail)

    with transaction.atomic():
        event = record()
        transaction.on_commit(lambda: heard.append("the site's own"))

    assert list(Event.objects.pending()) == [event]
    assert heard == ["the site's own"]
    assert "ours" in caplog.text


def test_a_late_change_of_a_follow_goes_before_the_next(start, link, appended):
    user = User.objects.create_user("maja")
    link.cut()
    follow(user, "topic:espresso")
    link.mend()

    unfollow(user, "topic:espresso")
    outbox.sweep()

    follows = [entry for entry in appended() if isinstance(entry, FollowEntry)]
    assert [entry.level for entry in follows] == ["follow", ""]


def test_when_others_were_told_is_known_once_they_are(start, link, appended):
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
    told = appended()[1].already_told
    assert told == {"topic:a": round(first.relayed.timestamp() * 1000)}
