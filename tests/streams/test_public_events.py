"""Public events as an iterator."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory

from notifications.api import announce, permissions_changed, public_events, publish
from notifications.live.hub import shared_hub
from notifications.streams import open_stream
from notifications.streams.admission import shared_admission
from project.qa.notifications import NEW_QUESTION
from tests.streaming import record

pytestmark = pytest.mark.django_db(transaction=True)

FOREVER = 3600


@pytest.fixture
def events(log):
    """A function that begins to listen; closed at the end of the test."""
    opened = []

    def events(*topics, user=None, seconds=FOREVER):
        request = RequestFactory().get("/activity/")
        request.user = user or AnonymousUser()
        opened.append(public_events(request, topics=topics, seconds=seconds))
        return opened[-1]

    yield events
    for each in opened:
        each.close()


def next_event(events):
    while (event := next(events)) is None:
        pass
    return event


def test_events_are_those_since_the_call(events):
    record("topic:tea", title="Before")
    found = events("topic:tea")
    record("topic:milk", title="Elsewhere")
    record("topic:tea", title="After")

    event = next_event(found)

    assert event["type"] == "new_question"
    assert event["title"] == "After"
    assert event["topics"] == ["topic:tea"]


def test_own_events_are_among_them(events, maja):
    found = events("topic:*", user=maja)
    record("topic:tea", title="Mine", actor=maja)

    assert next_event(found)["title"] == "Mine"


def test_live_only_events_are_among_them(events):
    found = events("topic:tea")
    payload = {"question_id": 1, "title": "Live", "url": "/"}
    publish(NEW_QUESTION, topics=["topic:tea"], payload=payload, live_only=True)

    assert next_event(found)["title"] == "Live"


def test_announcements_to_accounts_are_not(events, maja):
    found = events("topic:*", user=maja)
    announce("For accounts", text="")
    record("topic:tea", title="For all")

    assert next_event(found)["title"] == "For all"


def test_topic_that_not_everyone_may_see_is_refused_even_to_those_who_may(
    events, settings, maja
):
    settings.NOTIFICATIONS |= {"AUTHORIZE": lambda user, topic: user.is_authenticated}

    with pytest.raises(PermissionDenied):
        events("topic:tea", user=maja)


def test_they_end_when_the_permission_of_a_topic_changes(events):
    found = events("topic:*")
    permissions_changed(topic="topic:tea")

    assert [each for each in found if each] == []


def test_they_end_after_their_time(events):
    found = events("topic:tea", seconds=0.05)

    assert [each for each in found if each] == []


def test_nothing_is_said_while_nothing_happens(events, settings):
    settings.NOTIFICATIONS |= {"HEARTBEAT_INTERVAL": 0.1}
    found = events("topic:tea")

    assert [next(found) for _ in range(3)] == [None, None, None]


def test_database_connections_are_released_before_the_first_event(events, monkeypatch):
    released = []
    monkeypatch.setattr(open_stream, "release_connections", lambda: released.append(1))
    found = events("topic:tea")
    assert not released

    next(found)

    assert released


@pytest.mark.parametrize("started", [False, True])
def test_closing_frees_the_place(events, started):
    found = events("topic:tea")
    if started:
        next(found)

    found.close()

    assert shared_hub().connection_count == 0
    assert shared_admission().connections() == []
