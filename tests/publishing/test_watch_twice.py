"""Registering a watch twice is an error that leaves the first one as it is."""

import msgspec
import pytest
from django.conf import settings as django_settings

from notifications.exceptions import AlreadyRegistered
from notifications.models import Event
from notifications.publishing.event_types import EventType
from notifications.publishing.watch import watch
from project.qa.models import Question
from project.qa.notifications import NEW_QUESTION

pytestmark = pytest.mark.django_db(transaction=True)


class AnotherPayload(msgspec.Struct):
    title: str


@pytest.fixture
def another_type(registries):
    """An event type that is forgotten after the test."""
    return EventType("another_type", AnotherPayload)


def ask(author):
    return Question.objects.create(title="Why?", body="Tell.", author=author)


def recorded():
    """Return the type and the topics of each recorded event."""
    return [(event.type, event.topics) for event in Event.objects.order_by("pk")]


def watch_again():
    """Watch questions for their event type a second time, with another payload."""
    watch(
        Question,
        NEW_QUESTION,
        topics=lambda question: ["topic:second"],
        payload=lambda question: {"question_id": 1, "title": "Second", "url": "/"},
        actor=lambda question: None,
    )


def test_second_watch_is_rejected_with_both_places():
    with pytest.raises(AlreadyRegistered) as caught:
        watch_again()

    assert caught.value.what == "watch(Question, new_question)"
    assert "project/qa/notifications.py:" in caught.value.first
    assert f"{__file__}:" in caught.value.second
    assert caught.value.first in str(caught.value)
    assert caught.value.second in str(caught.value)


def test_first_watch_works_after_a_second_was_rejected(maja):
    for _ in range(2):
        with pytest.raises(AlreadyRegistered):
            watch_again()

    ask(maja)

    assert recorded() == [("new_question", [f"user:{maja.pk}"])]
    assert Event.objects.get().payload["title"] == "Why?"


def test_model_can_be_watched_for_another_event_type(maja, another_type):
    watch(
        Question,
        another_type,
        topics=lambda question: ["topic:another"],
        payload=lambda question: {"title": question.title},
        actor=lambda question: None,
    )

    ask(maja)

    assert sorted(recorded()) == [
        ("another_type", ["topic:another"]),
        ("new_question", [f"user:{maja.pk}"]),
    ]


def test_installing_the_apps_again_registers_nothing_twice(maja, settings):
    # As `override_settings` does: every `ready` runs again.
    settings.INSTALLED_APPS = [*django_settings.INSTALLED_APPS]

    ask(maja)

    assert recorded() == [("new_question", [f"user:{maja.pk}"])]
