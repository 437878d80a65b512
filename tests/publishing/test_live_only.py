"""Live-only events: in the log, and nowhere in the database."""

import re

import msgspec
import pytest
from django.db import transaction

from notifications.api import (
    EventType,
    follow,
    publish,
    recent_events,
    watch,
)
from notifications.conf import conf
from notifications.exceptions import InvalidEventType, InvalidPayload, InvalidTopic
from notifications.models import Event
from notifications.protocol.entries import EventEntry
from project.qa.models import Topic
from project.qa.notifications import NEW_QUESTION
from tests.inboxes import inbox_of
from tests.publishing.recording import PAYLOAD

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


def send(**options):
    options = {"topics": [MILK], "payload": PAYLOAD, **options}
    return publish(NEW_QUESTION, live_only=True, **options)


def test_event_is_in_the_log_without_a_row(appended, maja):
    event = send(actor=maja)

    [entry] = appended()
    assert isinstance(entry, EventEntry)
    assert (entry.uid, entry.topics, entry.actor) == (
        str(event.uid),
        (MILK,),
        str(maja.pk),
    )
    assert entry.live_only
    fields = msgspec.json.decode(entry.data)
    assert fields["actor"]["name"] == "maja"
    assert fields["topics"] == [MILK]
    assert fields["title"] == PAYLOAD["title"]
    assert not Event.objects.exists()


def test_event_is_in_no_inbox(maja):
    follow(maja, MILK)

    send()

    assert inbox_of(maja) == []


def test_event_waits_for_the_commit(appended):
    with transaction.atomic():
        send()
        assert appended() == []

    assert len(appended()) == 1


def test_event_of_a_rolled_back_transaction_is_not_sent(appended):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        send()
        raise ZeroDivisionError

    assert appended() == []


def test_event_without_redis_is_lost_and_logged(no_redis, caplog):
    send()

    assert "live_only=lost" in caplog.text
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"payload": {}}, InvalidPayload),
        ({"topics": ["no topic"]}, InvalidTopic),
        ({"topics": [f"topic:{number}" for number in range(1_000)]}, InvalidTopic),
    ],
)
def test_invalid_event_is_refused(appended, options, error):
    with pytest.raises(error):
        send(**options)

    assert appended() == []


# Types that keep the newest


class Line(msgspec.Struct):
    text: str


@pytest.fixture
def line(registries):
    return EventType("chat_test", Line, live_only=True, keep=3)


def say(line, text, *topics):
    return publish(line, topics=topics or [MILK], payload=Line(text=text))


def recent_texts(**options):
    return [each["text"] for each in recent_events(MILK, **options)]


def test_newest_events_of_a_topic_are_kept(line):
    for text in "abcde":
        say(line, text)
    say(line, "other", "topic:oat")

    assert recent_texts() == ["c", "d", "e"]
    assert recent_texts(limit=2) == ["d", "e"]
    assert recent_texts(limit=0) == []
    newest = recent_events(MILK)[-1]
    assert (newest["type"], newest["topics"]) == ("chat_test", [MILK])
    assert not Event.objects.exists()


def test_kept_event_that_was_trimmed_is_left_out(line, redis_client):
    said = [say(line, text) for text in "abc"]

    redis_client.xdel(f"{{{conf.KEY_PREFIX}}}:log", said[0].cursor)

    assert recent_texts() == ["b", "c"]


def test_nothing_is_recent_while_redis_is_away(line, link):
    said = say(line, "a")
    assert said.cursor
    link.cut()

    assert recent_texts() == []
    assert not say(line, "b").cursor


def test_recent_events_of_an_invalid_topic_raise(log):
    with pytest.raises(InvalidTopic):
        recent_events("room")


def test_live_only_types_are_in_no_preference_and_are_not_watched(line, client, maja):
    client.force_login(maja)

    for page in ("preferences/", ""):
        found = client.get(f"/notifications/{page}").content.decode()
        assert not re.search('(name|value)="chat_test"', found)
    with pytest.raises(InvalidEventType):
        watch(
            Topic,
            line,
            topics=lambda topic: [MILK],
            payload=lambda topic: Line(text=topic.name),
            actor=lambda topic: None,
        )


@pytest.mark.parametrize("options", [{"keep": 3}, {"live_only": True, "keep": 201}])
def test_types_that_cannot_keep_are_refused(registries, options):
    with pytest.raises(InvalidEventType):
        EventType("chat_test", Line, **options)
