"""Why somebody is told of an event, or is not, in words."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from notifications.inbox import read_state
from notifications.inbox.explain import explain, explain_all
from notifications.inbox.recipients import recipients_of
from notifications.models import Event, Follow, Preference
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.protocol.topics import EVERYONE
from notifications.publishing import outbox
from project.qa.models import Topic
from project.qa.notifications import NEW_QUESTION

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


def event_to(*topics, told=(), **options):
    """Return an event that was relayed at noon, to topics that are followed."""
    event = Event(type=NEW_QUESTION.name, created=NOON, **options)
    event.mark_relayed(Cursor(milliseconds(NOON), 0))
    event.save()
    for topic in topics or ["topic:espresso"]:
        event.addresses.create(topic=topic)
    for topic in told:
        event.addresses.create(topic=topic, already_told=NOON - HOUR / 2)
    return event


def reasons(explanation):
    return [each.text for each in explanation.reasons]


def verdict(explanation):
    return explanation.in_inbox, explanation.live


TOLD, INBOX, NOT = (True, True), (True, False), (False, False)
FOLLOWS = "Follows topic Espresso [topic:espresso] (since 3 February 2026, 11:00)."
WATCHES = "Watches topic Espresso [topic:espresso] (since 3 February 2026, 11:00)."


def test_who_follows_is_told(maja):
    follow(maja)

    found = explain(event_to(), maja)

    assert verdict(found) == TOLD
    assert reasons(found) == [FOLLOWS]


def test_every_topic_that_brings_it_is_a_reason(maja):
    follow(maja, level="watch")
    follow(maja, "question:7")

    found = explain(event_to("topic:espresso", "question:7", EVERYONE), maja)

    assert verdict(found) == TOLD
    assert reasons(found) == [
        WATCHES,
        "Follows question:7 (since 3 February 2026, 11:00).",
        "It is for everybody.",
    ]


def test_who_follows_nothing_of_it_is_not_told(maja):
    found = explain(event_to(), maja)

    assert verdict(found) == NOT
    assert reasons(found) == ["Follows nothing that the event is addressed to."]


def test_nobody_is_told_of_what_they_did(maja):
    follow(maja)

    found = explain(event_to(actor=maja), maja)

    assert verdict(found) == NOT
    assert reasons(found) == [
        FOLLOWS,
        "It is their own: nobody is told of what they did.",
    ]


def test_a_mute_keeps_away_what_another_topic_brings(maja):
    follow(maja)
    follow(maja, "question:7", "mute")

    found = explain(event_to("topic:espresso", "question:7"), maja)

    assert verdict(found) == NOT
    assert reasons(found) == [
        FOLLOWS,
        "Has muted question:7 (since 3 February 2026, 11:00).",
    ]


def test_following_later_is_too_late(maja):
    follow(maja, since=NOON + HOUR)

    found = explain(event_to(), maja)

    assert verdict(found) == NOT
    assert reasons(found) == [
        "Follows topic Espresso [topic:espresso] only since after the event "
        "(3 February 2026, 13:00)."
    ]


def test_an_account_made_later_is_too_late(maja):
    maja.date_joined = NOON + HOUR

    found = explain(event_to(EVERYONE), maja)

    assert verdict(found) == NOT
    assert reasons(found) == [
        "The account was made after the event (3 February 2026, 13:00)."
    ]


@pytest.mark.parametrize(
    ("topic", "name"),
    [("topic:espresso", "topic Espresso [topic:espresso]"), (EVERYONE, "everybody")],
)
def test_nobody_is_told_twice(maja, topic, name):
    follow(maja)
    follow(maja, "question:7")

    found = explain(event_to("question:7", told=[topic]), maja)

    assert verdict(found) == NOT
    assert reasons(found)[1:] == [
        f"Was told of the same by an earlier event to {name} (3 February 2026, 11:30)."
    ]


@pytest.mark.parametrize(
    ("delivery", "level", "expected", "why"),
    [
        ("off", "follow", NOT, "Has turned this type of event off."),
        ("inbox", "follow", INBOX, "Wants this type of event only in the inbox."),
        (
            "off",
            "watch",
            TOLD,
            "Has turned this type of event off, but watches "
            "topic Espresso [topic:espresso].",
        ),
        (
            "inbox",
            "watch",
            TOLD,
            "Wants this type only in the inbox, but watches "
            "topic Espresso [topic:espresso].",
        ),
    ],
)
def test_preferences_hold_but_for_what_is_watched(maja, delivery, level, expected, why):
    follow(maja, level=level)
    Preference.objects.set(maja, NEW_QUESTION.name, delivery)

    found = explain(event_to(), maja)

    assert verdict(found) == expected
    assert reasons(found)[1:] == [why]


def test_what_one_may_not_see_is_noted(maja, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: False,
    }
    follow(maja)

    found = explain(event_to("topic:espresso", EVERYONE), maja)

    assert reasons(found)[2:] == [
        "May not see topic Espresso [topic:espresso]: no stream brings them its events."
    ]


def test_an_account_that_is_not_active_is_noted(maja):
    maja.is_active = False

    found = explain(event_to(), maja)

    assert reasons(found)[1:] == ["The account is not active: nobody can sign in."]


def test_an_event_that_waits_is_noted(maja):
    follow(maja)
    event = outbox.record(
        NEW_QUESTION,
        topics=["topic:espresso"],
        payload={"question_id": 1, "title": "Why?", "url": "/1/"},
    )

    found = explain(event, maja)

    assert verdict(found) == TOLD
    assert reasons(found)[1:] == [
        "The event waits to be relayed: no stream has brought it yet."
    ]


def test_it_tells_what_was_seen_and_read(maja):
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


def test_recipients_are_active_and_told(maja, tobias):
    for user in (maja, tobias, User.objects.create_user("gone", is_active=False)):
        follow(user)

    assert [*recipients_of(event_to(actor=tobias))] == [maja]


def test_several_are_explained_in_a_fixed_number_of_queries(
    maja, tobias, django_assert_num_queries
):
    people = [User.objects.create_user(f"number {each}") for each in range(20)]
    for user in people:
        follow(user)
    event = event_to()

    with django_assert_num_queries(5):
        found = explain_all(event, [*people, tobias])

    assert [each.in_inbox for each in found] == [True] * 20 + [False]
