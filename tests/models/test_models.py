from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from notifications.models import Follow, Inbox, ReadState
from notifications.protocol.log_clock import log_clock
from notifications.publishing import outbox
from project.qa.notifications import NEW_QUESTION
from tests.inboxes import inbox_of

pytestmark = pytest.mark.django_db(transaction=True)

PAYLOAD = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}


def record(*topics, **options):
    return outbox.record(NEW_QUESTION, topics=topics, payload=PAYLOAD, **options)


def inbox(user):
    return inbox_of(user)


def follow(user, topic, level="follow"):
    return Follow.objects.set_level(user, topic, level)


def test_inbox_has_the_events_of_followed_topics_newest_first(maja):
    follow(maja, "topic:milk")
    first = record("topic:milk")
    record("topic:tamping")
    second = record("topic:milk", "topic:tamping")

    assert inbox(maja) == [second, first]


def test_event_to_two_followed_topics_is_in_the_inbox_once(maja):
    follow(maja, "topic:milk")
    follow(maja, "topic:tamping")

    event = record("topic:milk", "topic:tamping")

    assert inbox(maja) == [event]


def test_inbox_has_none_of_the_persons_own_events(maja):
    follow(maja, "topic:milk")

    record("topic:milk", actor=maja)

    assert inbox(maja) == []


def test_inbox_has_no_events_from_before_the_follow(maja):
    event = record("topic:milk")
    event.refresh_from_db()

    begun = follow(maja, "topic:milk")
    Follow.objects.update(created=event.relayed.replace(year=event.relayed.year + 1))

    assert begun.level == "follow"
    assert inbox(maja) == []


def test_mute_overrides_a_follow_of_another_topic(maja):
    follow(maja, "topic:milk")
    follow(maja, "question:7", "mute")

    record("topic:milk", "question:7")

    assert inbox(maja) == []


def test_pending_event_is_in_the_inbox(maja, no_redis):
    follow(maja, "topic:milk")

    event = record("topic:milk")

    assert inbox(maja) == [event]


def test_new_level_keeps_the_time_of_the_follow(maja):
    before = follow(maja, "topic:milk").created

    after = follow(maja, "topic:milk", "watch")

    assert (after.level, after.created) == ("watch", before)


def test_follow_after_a_mute_begins_now(maja):
    muted = follow(maja, "topic:milk", "mute")
    Follow.objects.update(created=muted.created.replace(year=2020))

    assert follow(maja, "topic:milk").created.year > 2020


@pytest.mark.parametrize(("topic", "level"), [("milk", "follow"), ("topic:milk", "x")])
def test_invalid_topic_or_level_is_rejected(maja, topic, level):
    with pytest.raises(ValidationError):
        follow(maja, topic, level)

    assert not Follow.objects.exists()


def test_inbox_takes_a_fixed_number_of_queries(maja, django_assert_num_queries):
    follow(maja, "topic:milk")
    with transaction.atomic():
        for _ in range(20):
            record("topic:milk", actor=None)

    with django_assert_num_queries(4):
        assert len(Inbox(maja).events()) == 20


def test_rows_have_readable_names(maja):
    event = record("topic:milk")

    assert str(follow(maja, "topic:milk")) == f"{maja} follow topic:milk"
    assert str(event) == f"new_question {event.uid}"
    assert str(event.addresses.get()) == "topic:milk"
    assert str(ReadState.of(maja)) == f"{maja} up to 0"


def test_saving_another_level_over_a_mute_begins_now(maja):
    muted = follow(maja, "topic:milk", "mute")
    Follow.objects.update(created=muted.created.replace(year=2020))
    muted = Follow.objects.get()

    muted.level = "follow"
    muted.save()

    assert muted.created.year > 2020


def test_following_again_at_the_same_level_records_nothing(maja, log):
    follow(maja, "topic:milk")
    before = log.position()

    follow(maja, "topic:milk")

    assert log.position() == before


def test_follow_begins_by_the_clock_of_the_log(maja, monkeypatch):
    monkeypatch.setattr(log_clock(), "ahead", -3_600_000)

    follow(maja, "topic:milk")

    age = timezone.now() - Follow.objects.get().created
    assert age > timedelta(minutes=59)
