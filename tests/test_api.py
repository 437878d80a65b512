"""The public API as a site uses it; only public modules and models are imported."""

import inspect
import re

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from django.db import transaction

from notifications import api
from notifications.api import (
    EVERYONE,
    aannounce,
    afollow,
    announce,
    apublish,
    aunfollow,
    explain,
    follow,
    permissions_changed,
    public_topics,
    publish,
    recipients_of,
    topic_of,
    unfollow,
)
from notifications.exceptions import InvalidPayload, InvalidTopic
from notifications.models import Event, Follow
from notifications.testing import recorded_events
from project.qa.notifications import NEW_QUESTION
from tests.inboxes import inbox_of

NAMES = [
    "Actor",
    "EVERYONE",
    "Event",
    "EventStreamResponse",
    "EventType",
    "Explanation",
    "Present",
    "SharedStream",
    "aannounce",
    "afollow",
    "announce",
    "apublish",
    "aunfollow",
    "event_stream",
    "explain",
    "follow",
    "followable",
    "mercure_link",
    "permissions_changed",
    "presence",
    "public_events",
    "public_topics",
    "publish",
    "publish_update",
    "recent_events",
    "recipients_of",
    "retract",
    "topic_of",
    "unfollow",
    "wants_event_stream",
    "watch",
]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(api, name, None))]
CLASSES = [name for name in NAMES if inspect.isclass(getattr(api, name, None))]
PAYLOAD = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}

in_database = pytest.mark.django_db(transaction=True)


def publish_question(**options):
    options = {"topics": ["topic:espresso"], "payload": PAYLOAD, **options}
    return publish(NEW_QUESTION, **options)


def inbox(user):
    return inbox_of(user)


def first_sentence(thing):
    """Return the first line of a docstring."""
    return inspect.getdoc(thing).partition("\n")[0]


def test_api_has_these_names():
    assert sorted(api.__all__) == NAMES
    assert {*FUNCTIONS, *CLASSES, "EVERYONE"} == {*NAMES}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_described_by_an_imperative_sentence(name):
    sentence = first_sentence(getattr(api, name))

    assert re.fullmatch(r"[A-Z][a-z]+ [^.]+\.", sentence)
    assert not sentence.split()[0].endswith("s")


@pytest.mark.parametrize("name", CLASSES)
def test_class_is_described_by_a_sentence(name):
    assert re.fullmatch(r"[A-Z][^.]+\.", first_sentence(getattr(api, name)))


@in_database
def test_publish_records_the_event_and_relays_it_on_commit(maja):
    with transaction.atomic():
        event = publish_question(actor=maja)
        event.refresh_from_db()
        assert event.relayed is None

    event.refresh_from_db()
    assert event.relayed is not None
    assert (event.type, event.topics) == ("new_question", ["topic:espresso"])
    assert (event.payload, event.actor) == (PAYLOAD, maja)


@in_database
def test_publish_takes_a_struct(maja):
    payload = msgspec.convert(PAYLOAD, NEW_QUESTION.payload)

    event = publish_question(payload=payload)

    assert event.payload == PAYLOAD


@in_database
def test_published_event_is_rolled_back_with_its_transaction():
    with recorded_events() as events:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            publish_question()
            raise ZeroDivisionError

    assert events == []
    assert not Event.objects.exists()


@in_database
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"payload": {**PAYLOAD, "question_id": "one"}}, InvalidPayload),
        ({"payload": {}}, InvalidPayload),
        ({"topics": ["espresso"]}, InvalidTopic),
    ],
)
def test_publish_rejects_an_invalid_payload_or_topic(options, error):
    with pytest.raises(error):
        publish_question(**options)

    assert not Event.objects.exists()


@in_database
def test_event_is_in_the_inbox_of_followers_but_not_of_the_actor(
    maja, tobias, espresso
):
    for user in (maja, tobias):
        follow(user, topic_of(espresso))

    event = publish_question(topics=[topic_of(espresso)], actor=tobias)

    assert inbox(maja) == [event]
    assert inbox(tobias) == []


@in_database
def test_follow_sets_the_level_and_unfollow_ends_it(maja, espresso):
    topic = topic_of(espresso)

    follow(maja, topic)
    watching = follow(maja, topic, level="watch")

    assert (watching.topic, watching.level) == ("topic:espresso", "watch")
    assert Follow.objects.get() == watching
    assert unfollow(maja, topic) is True
    assert unfollow(maja, topic) is False
    assert not Follow.objects.exists()


@in_database
@pytest.mark.parametrize(
    ("topic", "level"), [("espresso", "follow"), ("topic:espresso", "adore")]
)
def test_follow_rejects_an_invalid_topic_or_level(maja, topic, level):
    with pytest.raises(ValidationError):
        follow(maja, topic, level=level)

    assert not Follow.objects.exists()


@in_database
def test_muted_topic_keeps_its_events_out_of_the_inbox(maja, espresso):
    follow(maja, "topic:milk")
    follow(maja, topic_of(espresso), level="mute")

    publish_question(topics=["topic:milk", topic_of(espresso)])

    assert inbox(maja) == []


@in_database
def test_announcement_is_in_everyones_inbox(maja, tobias):
    event = announce("Closed on Sunday.", actor=tobias)

    assert event.topics == [EVERYONE]
    assert inbox(maja) == [event]
    assert inbox(tobias) == []


@in_database
def test_await_forms_do_the_same(maja, tobias, espresso):
    topic = topic_of(espresso)

    async def do():
        await afollow(maja, topic, level="watch")
        published = await apublish(
            NEW_QUESTION, topics=[topic], payload=PAYLOAD, actor=tobias
        )
        announced = await aannounce("Closed on Sunday.")
        ended = [await aunfollow(maja, topic) for _ in range(2)]
        return published, announced, ended

    published, announced, ended = async_to_sync(do)()

    assert (published.topics, published.actor) == ([topic], tobias)
    assert inbox(tobias) == [announced]
    assert ended == [True, False]


@in_database
def test_recipients_are_the_people_with_the_event_in_their_inbox(maja, tobias):
    follow(maja, "topic:espresso")

    event = publish_question()

    assert list(recipients_of(event)) == [maja]
    assert explain(event, maja).in_inbox
    assert not explain(event, tobias).in_inbox


@in_database
def test_changed_permissions_delete_the_follows_of_hidden_topics(maja, settings):
    follow(maja, "topic:espresso")
    follow(maja, "topic:secret")
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != "topic:secret",
    }

    permissions_changed(maja)

    assert [row.topic for row in Follow.objects.all()] == ["topic:espresso"]


def test_public_topics_allows_the_kinds_of_the_site_only(maja):
    assert public_topics(maja, "topic:espresso")
    assert public_topics(None, "topic:*")
    assert not public_topics(maja, "chat:1")
