"""Sites that read from a replica, which may lag behind."""

import pytest
from django.db import transaction

from notifications import databases
from notifications.api import follow, publish, unfollow
from notifications.models import Event
from notifications.protocol.entries import CountEntry, EventEntry, FollowEntry
from project.qa.models import Question, Topic
from project.qa.notifications import NEW_QUESTION
from tests.publishing.recording import PAYLOAD

pytestmark = pytest.mark.django_db(transaction=True)


def events(entries):
    return [entry for entry in entries if isinstance(entry, EventEntry)]


def test_topics_of_the_transaction_are_kept_although_a_replica_lags(
    maja, espresso, replica, appended
):
    with transaction.atomic():
        question = Question.objects.create(title="Why?", body="?", author=maja)
        question.topics.add(espresso)

    [event] = events(appended())
    assert event.topics == ("topic:espresso", f"user:{maja.pk}")
    assert not Event.objects.using(replica).exists()


def test_event_is_relayed_although_a_replica_lags(maja, replica, appended):
    event = publish(NEW_QUESTION, topics=["topic:a"], payload=PAYLOAD)

    [entry] = events(appended())
    assert entry.uid == str(event.uid)
    assert Event.objects.using("default").get().relayed


def test_follow_that_a_replica_lacks_can_be_changed_and_deleted(
    maja, replica, appended
):
    follow(maja, "topic:a", level="mute")
    follow(maja, "topic:a")
    deleted = unfollow(maja, "topic:a")

    levels = [each.level for each in appended() if isinstance(each, FollowEntry)]
    assert deleted
    assert levels == ["mute", "follow", ""]


def test_follow_that_replaces_a_mute_begins_now_although_a_replica_lags(maja, replica):
    muted = follow(maja, "topic:a", level="mute")

    followed = follow(maja, "topic:a")

    assert followed.created > muted.created


def test_unseen_count_is_made_of_what_a_replica_lacks(maja, tobias, replica, appended):
    follow(maja, "topic:a")
    publish(NEW_QUESTION, topics=["topic:a"], payload=PAYLOAD, actor=tobias)
    follow(maja, "topic:b")

    counts = [each for each in appended() if isinstance(each, CountEntry)]
    assert [each.unseen_count for each in counts] == [0, 1]


def test_reads_outside_the_write_path_are_left_to_the_router(replica):
    assert Event.objects.all().db == replica
    with databases.atomic():
        assert Event.objects.all().db == "default"
        assert Topic.objects.all().db == "default"
    assert Event.objects.all().db == replica


def test_replica_is_not_swept(replica):
    assert databases.recorded_aliases() == ["default"]
