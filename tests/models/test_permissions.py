"""The inbox asks AUTHORIZE about what it shows, once about each topic."""

import pytest

from notifications.models import Follow, Inbox, TopicPermissions
from notifications.models import inbox as inbox_module
from notifications.protocol.subscriptions import Subscriptions
from notifications.protocol.topics import EVERYONE
from tests.inboxes import inbox_of
from tests.streaming import record

pytestmark = pytest.mark.django_db

OPEN, CLOSED, OTHER = "topic:open", "topic:closed", "topic:other"


@pytest.fixture(autouse=True)
def asked(settings):
    """The topics about which AUTHORIZE was asked; it refuses CLOSED."""
    asked = []

    def authorize(user, topic):
        asked.append(topic)
        return topic != CLOSED

    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "AUTHORIZE": authorize}
    return asked


@pytest.fixture
def follows(maja):
    """Follows of maja, without those that no event is addressed to."""
    for topic in (OPEN, CLOSED, OTHER):
        Follow.objects.set_level(maja, topic, "follow")


def test_event_of_a_refused_topic_is_not_in_the_inbox(maja, follows):
    record(CLOSED)
    shown = record(OPEN)

    assert inbox_of(maja) == [shown]


def test_refused_events_do_not_count(maja, follows):
    record(CLOSED)
    record(OPEN)
    mine = Inbox(maja)

    assert mine.count_unread() == 1
    assert len(list(mine.unseen())) == 1


def test_refused_event_cannot_be_found(maja, follows):
    refused, shown = record(CLOSED), record(OPEN)

    assert Inbox(maja).find(refused) is None
    assert Inbox(maja).find(shown) is not None


def test_event_with_an_allowed_topic_as_well_is_in_the_inbox(maja, follows):
    event = record(CLOSED, OPEN)

    assert inbox_of(maja) == [event]


def test_mute_of_a_refused_topic_counts(maja):
    Follow.objects.set_level(maja, OPEN, "follow")
    Follow.objects.set_level(maja, CLOSED, "mute")

    record(CLOSED, OPEN)

    assert inbox_of(maja) == []


def test_permission_to_see_what_is_for_everyone_is_not_needed(maja, asked):
    event = record(EVERYONE)

    assert inbox_of(maja) == [event]
    assert asked == []


def test_each_topic_is_asked_about_once_for_page_and_counts(maja, follows, asked):
    for _ in range(3):
        record(OPEN)
        record(CLOSED)
    asked.clear()
    mine = Inbox(maja)

    mine.events()
    mine.count_unread()
    list(mine.unseen())

    # Nothing asks about OTHER, which brings no event.
    assert sorted(asked) == [CLOSED, OPEN]


def test_refused_events_do_not_crowd_out_older_ones(maja, follows, monkeypatch):
    monkeypatch.setattr(inbox_module, "BATCH_TOPICS", 2)
    monkeypatch.setattr(inbox_module, "MAX_BATCHES", 3)
    shown = [record(OPEN) for _ in range(3)]
    for _ in range(20):
        record(CLOSED)

    assert inbox_of(maja) == shown[::-1]


def test_follow_that_is_refused_brings_no_event_by_its_level(maja):
    permissions = TopicPermissions(maja)
    all_levels = Subscriptions.of(
        [(OPEN, "follow", 1), (CLOSED, "watch", 2), (OTHER, "mute", 3)]
    )

    allowed = permissions.restrict(all_levels, [OPEN, CLOSED, OTHER])

    assert allowed == Subscriptions.of([(OPEN, "follow", 1), (OTHER, "mute", 3)])
