"""Explanations of why a person is notified about an event, or why not."""

from datetime import UTC, datetime, timedelta

import pytest

from notifications.inbox import read_state
from notifications.inbox.explain import explain, explain_all
from notifications.inbox.recipients import recipients_of
from notifications.models import Event, Follow, Inbox, Preference
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.protocol.topics import EVERYONE
from notifications.publishing import outbox
from project.qa.models import Topic
from project.qa.notifications import NEW_QUESTION
from tests.users import User

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def maja(maja):
    maja.date_joined = NOON - 2 * HOUR
    maja.save()
    return maja


@pytest.fixture(autouse=True)
def espresso(db):
    return Topic.objects.create(slug="espresso", name="Espresso")


def follow(user, topic="topic:espresso", level="follow", *, since=NOON - HOUR):
    return Follow.objects.create(user=user, topic=topic, level=level, created=since)


def event_to(*topics, already_told=(), **options):
    """Return an event that was relayed at noon, by default to topic:espresso."""
    event = Event(type=NEW_QUESTION.name, created=NOON, **options)
    event.mark_relayed(Cursor(milliseconds(NOON), 0))
    event.save()
    for topic in topics or ["topic:espresso"]:
        event.addresses.create(topic=topic, position=event.position)
    for topic in already_told:
        event.addresses.create(topic=topic, already_told=NOON - HOUR / 2)
    return event


def reasons(explanation):
    return [each.text for each in explanation.reasons]


def verdict(explanation):
    return explanation.in_inbox, explanation.live


LIVE, INBOX, NOT = (True, True), (True, False), (False, False)
FOLLOWS = "Follows topic Espresso [topic:espresso] (since 3 February 2026, 11:00)."
WATCHES = "Watches topic Espresso [topic:espresso] (since 3 February 2026, 11:00)."


def test_follower_is_notified(maja):
    follow(maja)

    found = explain(event_to(), maja)

    assert verdict(found) == LIVE
    assert reasons(found) == [FOLLOWS]


def test_every_followed_topic_is_a_reason(maja):
    follow(maja, level="watch")
    follow(maja, "question:7")

    found = explain(event_to("topic:espresso", "question:7", EVERYONE), maja)

    assert verdict(found) == LIVE
    assert reasons(found) == [
        WATCHES,
        "Follows question:7 (since 3 February 2026, 11:00).",
        "The event is addressed to everyone.",
    ]


def test_person_who_follows_no_topic_of_the_event_is_not_notified(maja):
    found = explain(event_to(), maja)

    assert verdict(found) == NOT
    assert reasons(found) == ["Follows none of the event's topics."]


def test_actor_is_not_notified(maja):
    follow(maja)

    found = explain(event_to(actor=maja), maja)

    assert verdict(found) == NOT
    assert reasons(found) == [
        FOLLOWS,
        "Caused the event: nobody is notified about their own actions.",
    ]


def test_mute_overrides_a_follow_of_another_topic(maja):
    follow(maja)
    follow(maja, "question:7", "mute")

    found = explain(event_to("topic:espresso", "question:7"), maja)

    assert verdict(found) == NOT
    assert reasons(found) == [
        FOLLOWS,
        "Has muted question:7 (since 3 February 2026, 11:00).",
    ]


def test_follow_after_the_event_does_not_count(maja):
    follow(maja, since=NOON + HOUR)

    found = explain(event_to(), maja)

    assert verdict(found) == NOT
    assert reasons(found) == [
        "Started to follow topic Espresso [topic:espresso] after the event "
        "(3 February 2026, 13:00)."
    ]


def test_account_created_after_the_event_does_not_count(maja):
    maja.date_joined = NOON + HOUR

    found = explain(event_to(EVERYONE), maja)

    assert verdict(found) == NOT
    assert reasons(found) == [
        "The account was created after the event (3 February 2026, 13:00)."
    ]


@pytest.mark.parametrize(
    ("topic", "name"),
    [("topic:espresso", "topic Espresso [topic:espresso]"), (EVERYONE, "everyone")],
)
def test_person_notified_by_an_earlier_event_is_not_notified_again(maja, topic, name):
    follow(maja)
    follow(maja, "question:7")

    found = explain(event_to("question:7", already_told=[topic]), maja)

    assert verdict(found) == NOT
    assert reasons(found)[1:] == [
        f"Was already notified by an earlier event to {name} (3 February 2026, 11:30)."
    ]


@pytest.mark.parametrize(
    ("delivery", "level", "expected", "reason"),
    [
        ("off", "follow", NOT, "Has turned off this type of event."),
        ("inbox", "follow", INBOX, "Wants this type of event only in the inbox."),
        (
            "off",
            "watch",
            LIVE,
            "Has turned off this type of event, but watches "
            "topic Espresso [topic:espresso].",
        ),
        (
            "inbox",
            "watch",
            LIVE,
            "Wants this type of event only in the inbox, but watches "
            "topic Espresso [topic:espresso].",
        ),
    ],
)
def test_watching_overrides_preferences(maja, delivery, level, expected, reason):
    follow(maja, level=level)
    Preference.objects.set(maja, NEW_QUESTION.name, delivery)

    found = explain(event_to(), maja)

    assert verdict(found) == expected
    assert reasons(found)[1:] == [reason]


@pytest.fixture
def nothing_is_allowed(settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: False,
    }


REFUSED = "Follows topic Espresso [topic:espresso], but is not allowed to see it."


def test_follow_that_is_not_allowed_does_not_notify(maja, nothing_is_allowed):
    follow(maja)

    found = explain(event_to(), maja)

    assert verdict(found) == NOT
    assert reasons(found) == [REFUSED]


def test_follow_that_is_not_allowed_is_noted_beside_other_reasons(
    maja, nothing_is_allowed
):
    follow(maja)

    found = explain(event_to("topic:espresso", EVERYONE), maja)

    assert verdict(found) == LIVE
    assert reasons(found) == ["The event is addressed to everyone.", REFUSED]


def test_inactive_account_is_noted(maja):
    maja.is_active = False

    found = explain(event_to(), maja)

    assert reasons(found)[1:] == ["The account is inactive and cannot sign in."]


def test_pending_event_is_noted(maja):
    follow(maja)
    event = outbox.record(
        NEW_QUESTION,
        topics=["topic:espresso"],
        payload={"question_id": 1, "title": "Why?", "url": "/1/"},
    )

    found = explain(event, maja)

    assert verdict(found) == LIVE
    assert reasons(found)[1:] == [
        "The event is still pending and has not been streamed."
    ]


def test_explanation_has_seen_and_read(maja):
    follow(maja)
    event = event_to()
    fresh = explain(event, maja)
    read_state.see_all(maja)
    seen = explain(event, maja)
    read_state.read_group(maja, event)
    read = explain(event, maja)

    assert (fresh.seen, fresh.read) == (False, False)
    assert (seen.seen, seen.read) == (True, False)
    assert (read.seen, read.read) == (True, True)


def test_recipients_are_active_followers_but_the_actor(maja, tobias):
    for user in (maja, tobias, User.objects.create_user("gone", is_active=False)):
        follow(user)

    assert [*recipients_of(event_to(actor=tobias))] == [maja]


def test_explain_all_takes_a_fixed_number_of_queries(
    maja, tobias, django_assert_num_queries
):
    people = [User.objects.create_user(f"number {each}") for each in range(20)]
    for user in people:
        follow(user)
    event = event_to()

    with django_assert_num_queries(5):
        found = explain_all(event, [*people, tobias])

    assert [each.in_inbox for each in found] == [True] * 20 + [False]


def test_event_that_was_set_aside_notifies_nobody(maja):
    follow(maja)
    event = event_to()
    Event.objects.update(relayed=None)
    Event.objects.all().set_aside("too deep")
    event = Event.objects.get()

    found = explain(event, maja)

    assert verdict(found) == NOT
    assert "The event was set aside, since it cannot be sent." in reasons(found)
    assert not any("pending" in reason for reason in reasons(found))
    assert not recipients_of(event)
    assert Inbox(maja).find(event) is None
