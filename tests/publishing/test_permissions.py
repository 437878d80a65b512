"""Changed permissions of a person or a topic: follows, and entries in the log."""

import pytest
from django.db import transaction

from notifications.api import follow, permissions_changed
from notifications.exceptions import InvalidTopic
from notifications.models import Control, Follow
from notifications.protocol.entries import EndEntry, FollowEntry
from notifications.publishing import permissions
from tests.users import User

pytestmark = pytest.mark.django_db(transaction=True)

TEAM = "team:7"


@pytest.fixture
def members(settings):
    """The keys of the people who may see TEAM."""
    members = set()
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != TEAM or user.pk in members,
    }
    return members


@pytest.fixture
def appended(log):
    """A function that returns the entries since it was called last."""
    position = log.position()

    def appended():
        nonlocal position
        start, position = position, log.position()
        return [record.decode() for record in log.read(start, until=position)]

    return appended


def followers(topic=TEAM):
    return [each.user for each in Follow.objects.filter(topic=topic).order_by("pk")]


def test_follows_of_a_topic_that_are_refused_are_deleted(members, maja, tobias):
    members |= {maja.pk, tobias.pk}
    for user in (maja, tobias):
        follow(user, TEAM)
        follow(user, "topic:tea")
    members.remove(tobias.pk)

    permissions_changed(topic=TEAM)

    assert followers() == [maja]
    assert followers("topic:tea") == [maja, tobias]


def test_mutes_stay(members, maja):
    follow(maja, TEAM, level="mute")

    permissions_changed(topic=TEAM)
    permissions_changed(maja)

    assert followers() == [maja]


def test_topic_with_many_followers_makes_one_entry(members, appended, monkeypatch):
    monkeypatch.setattr(permissions, "BATCH_FOLLOWS", 10)
    people = [User.objects.create_user(f"number-{each}") for each in range(25)]
    Follow.objects.bulk_create(Follow(user=each, topic=TEAM) for each in people)
    members |= {people[0].pk, people[-1].pk}
    appended()

    permissions_changed(topic=TEAM)

    [entry] = appended()
    assert (type(entry), entry.topic) == (EndEntry, TEAM)
    assert (entry.user, entry.reason) == ("", "permissions_changed")
    assert followers() == [people[0], people[-1]]


def test_queries_grow_with_the_batches_only(
    members, monkeypatch, django_assert_max_num_queries
):
    people = [User.objects.create_user(f"number-{each}") for each in range(40)]
    Follow.objects.bulk_create(Follow(user=each, topic=TEAM) for each in people)

    with django_assert_max_num_queries(12):
        permissions_changed(topic=TEAM)

    assert followers() == []


def test_rolled_back_change_changes_nothing(members, maja, appended):
    Follow.objects.bulk_create([Follow(user=maja, topic=TEAM)])

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        permissions_changed(topic=TEAM)
        raise ZeroDivisionError

    assert followers() == [maja]
    assert appended() == []
    assert not Control.objects.exists()


def test_entry_waits_while_redis_is_away(members, no_redis):
    permissions_changed(topic=TEAM)

    assert Control.objects.count() == 1


@pytest.mark.parametrize("topic", ["team", "team:*", "team:7\n"])
def test_invalid_topic_is_rejected(topic):
    with pytest.raises(InvalidTopic):
        permissions_changed(topic=topic)


def test_person_or_topic_is_needed(maja):
    with pytest.raises(TypeError):
        permissions_changed()
    with pytest.raises(TypeError):
        permissions_changed(maja, topic=TEAM)


def test_follow_that_is_refused_is_no_follow_in_the_log(members, maja, appended):
    follow(maja, TEAM)
    follow(maja, "topic:tea")
    follow(maja, "team:8", level="mute")

    levels = {
        each.topic: each.level for each in appended() if isinstance(each, FollowEntry)
    }
    assert levels == {TEAM: "", "topic:tea": "follow", "team:8": "mute"}
