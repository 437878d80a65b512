import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications.exceptions import InvalidPayload, InvalidTopic
from notifications.lib.circuit_breaker import FAILURES
from notifications.models import Control, Event
from notifications.protocol.entries import CountEntry, EventEntry, FollowEntry
from notifications.publishing import event_relay, outbox
from notifications.publishing.followables import follow, unfollow
from notifications.publishing.postponed import relay_postponed
from notifications.signals import event_recorded
from tests.publishing.recording import PAYLOAD, record
from tests.users import User, json_key

pytestmark = pytest.mark.django_db(transaction=True)


def test_event_is_relayed_when_its_transaction_commits(appended):
    with transaction.atomic():
        event = record()
        assert appended() == []

    [entry] = appended()
    event.refresh_from_db()
    assert entry.uid == str(event.uid)
    assert entry.topics == ("topic:espresso",)
    assert event.relayed is not None
    assert event.cursor


def test_data_has_the_common_fields_and_the_payload(appended):
    actor = User.objects.create_user("maja")

    event = record(actor=actor)

    [entry] = appended()
    assert json.loads(entry.data) == {
        "uid": str(event.uid),
        "type": "new_question",
        "topics": ["topic:espresso"],
        "actor": {"id": json_key(actor), "name": "maja"},
        "created": event.created.isoformat(timespec="milliseconds"),
        **PAYLOAD,
    }


def test_rolled_back_event_is_not_relayed(appended):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record()
        raise ZeroDivisionError

    record()

    assert len(appended()) == Event.objects.count() == 1


def test_rolled_back_savepoint_drops_only_its_own_events(appended):
    with transaction.atomic():
        kept = record()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            record()
            raise ZeroDivisionError
        also_kept = record()

    assert [entry.uid for entry in appended()] == [str(kept.uid), str(also_kept.uid)]


def test_events_after_a_rolled_back_savepoint_are_relayed(appended):
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            record()
            raise ZeroDivisionError
        kept = record()

    assert [entry.uid for entry in appended()] == [str(kept.uid)]


def test_events_of_one_transaction_keep_their_order(appended):
    with transaction.atomic():
        events = [record() for _ in range(5)]

    assert [entry.uid for entry in appended()] == [str(each.uid) for each in events]


def test_invalid_payload_records_nothing():
    with pytest.raises(InvalidPayload, match=r"question_id"):
        record(payload={**PAYLOAD, "question_id": "one"})

    assert not Event.objects.exists()


def test_invalid_topic_records_nothing():
    with pytest.raises(InvalidTopic, match="invalid"):
        record(topics=["topic:espresso", "invalid"])

    assert not Event.objects.exists()


def test_too_many_topics_are_rejected(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_TOPICS_PER_EVENT": 2}

    with pytest.raises(InvalidTopic, match="at most 2 topics"):
        record(topics=["topic:a", "topic:b", "topic:c"])


def test_repeated_topic_counts_once(appended):
    record(topics=["topic:a", "topic:a"])

    assert appended()[0].topics == ("topic:a",)


def test_signal_is_sent_for_a_recorded_event():
    received = []
    event_recorded.connect(
        lambda event, **signal: received.append(event), weak=False, dispatch_uid="test"
    )

    event = record()

    event_recorded.disconnect(dispatch_uid="test")
    assert received == [event]


def test_event_stays_pending_without_redis(no_redis):
    event = record()

    event.refresh_from_db()
    assert list(Event.objects.pending()) == [event]


def test_follow_is_relayed_on_commit(appended):
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


def test_entry_has_the_topics_of_earlier_events(appended):
    first = record(topics=["topic:a"])
    first.refresh_from_db()

    record(topics=["topic:b"], already_told={"topic:a": first.relayed})

    entry = appended()[1]
    assert isinstance(entry, EventEntry)
    assert entry.topics == ("topic:b",)
    assert entry.already_told == {"topic:a": round(first.relayed.timestamp() * 1000)}


def test_overdue_event_is_relayed_before_the_next_of_its_topic(start, link, appended):
    link.cut()
    overdue = record(topics=["topic:a", "topic:b"])
    other = record(topics=["topic:c"])
    link.mend()

    new = record(topics=["topic:a"])

    assert [entry.uid for entry in appended()] == [str(overdue.uid), str(new.uid)]
    assert list(Event.objects.pending()) == [other]


def test_pending_unfollow_is_relayed_before_the_next_event(start, link, appended):
    user = User.objects.create_user("maja")
    follow(user, "topic:espresso")
    link.cut()
    unfollow(user, "topic:espresso")
    link.mend()

    new = record(topics=["topic:espresso"])

    found = [each for each in appended() if not isinstance(each, CountEntry)]
    assert [each.level for each in found[:2]] == ["follow", ""]
    assert [each.uid for each in found[2:]] == [str(new.uid)]


def test_new_event_does_not_wait_for_many_overdue_ones(
    start, link, appended, monkeypatch
):
    monkeypatch.setattr(event_relay, "OVERDUE_LIMIT", 2)
    link.cut()
    for _ in range(3):
        record(topics=["topic:a"])
    link.mend()

    new = record(topics=["topic:a"])

    assert [entry.uid for entry in appended()] == [str(new.uid)]


def test_new_event_does_not_look_through_many_pending_ones(
    start, link, appended, monkeypatch
):
    monkeypatch.setattr(event_relay, "PENDING_LIMIT", 2)
    link.cut()
    record(topics=["topic:a"])
    for _ in range(2):
        record(topics=["topic:b"])
    link.mend()

    new = record(topics=["topic:a"])

    assert [entry.uid for entry in appended()] == [str(new.uid)]


def test_save_without_redis_looks_for_nothing_that_is_pending(no_redis, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_BREAKER_TIMEOUT": 30}
    for _ in range(FAILURES):
        record()

    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        record()
        in_transaction = len(queries)

    after = [query["sql"] for query in queries[in_transaction:]]
    assert [sql for sql in after if sql != "COMMIT"] == []


def test_failed_relay_asks_for_a_sweep(no_redis):
    relay_postponed.clear()

    record()

    assert relay_postponed.is_set()


def test_error_in_the_relay_is_logged_and_the_save_stands(monkeypatch, caplog):
    received = []

    def fail(events):
        raise RuntimeError("a bug")

    monkeypatch.setattr(outbox, "relay_events", fail)

    with transaction.atomic():
        event = record()
        transaction.on_commit(lambda: received.append("the site's own"))

    assert list(Event.objects.pending()) == [event]
    assert received == ["the site's own"]
    assert "a bug" in caplog.text
