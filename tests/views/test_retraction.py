"""Retracted events over HTTP: the stream, long polling and the inbox."""

import json

import pytest
from django.db import transaction

from notifications.api import retract
from notifications.live.hub import shared_hub
from notifications.models import Follow
from project.qa.models import Question
from tests.streaming import record
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = "/notifications/"
POLL = "/notifications/poll/"
JSON = {"Accept": "application/json"}


@pytest.fixture
def follower(as_maja, maja):
    """A client of a person who follows a topic."""
    Follow.objects.set_level(maja, "topic:milk", "follow")
    return as_maja


def position(log):
    """Return the newest cursor of the log, once the hub has read up to it."""
    newest = log.position()
    hub = shared_hub()
    hub.ensure_started()
    wait_for(lambda: hub.delivered_up_to >= newest, what="the hub to read the log")
    return newest


def poll(client, after, **query):
    return client.get(POLL, {"after": str(after), **query}).json()["events"]


def test_poll_has_the_retraction_in_place_of_the_event(follower, log):
    start = position(log)
    event, kept = record("topic:milk"), record("topic:milk")
    retract(event)
    position(log)

    found = poll(follower, start)

    assert [each["event"] for each in found] == ["new_question", "retracted"]
    assert found[0]["data"]["uid"] == str(kept.uid)
    assert found[1]["data"] == {
        "uid": str(event.uid),
        "type": "new_question",
        "topics": ["topic:milk"],
    }


def test_poll_has_the_count_without_the_retracted_event(follower, log):
    start = position(log)
    event, _kept = record("topic:milk"), record("topic:milk")
    retract(event)
    position(log)

    found = poll(follower, start, unseen="2")

    assert [each["data"]["unseen"] for each in found if each["event"] == "count"] == [3]


def test_deleted_question_reaches_an_open_stream(
    follower, log, open_reader, tobias, milk
):
    with transaction.atomic():
        question = Question.objects.create(title="Why?", body="No.", author=tobias)
        question.topics.add(milk)
    start = position(log)
    reader = open_reader(follower, f"/notifications/stream/?last_event_id={start}")

    assert reader.next().event == "heartbeat"

    question.delete()

    found = reader.next()
    assert found.event == "retracted"
    assert "topic:milk" in json.loads(found.data)["topics"]


def test_retracted_event_leaves_the_inbox(follower):
    event, kept = record("topic:milk", title="Gone"), record("topic:milk")
    retract(event)

    found = follower.get(INBOX, headers=JSON).json()

    assert [each["uid"] for each in found["events"]] == [str(kept.uid)]
    assert (found["unread"], found["unseen"]) == (1, 1)
    assert b"Gone" not in follower.get(INBOX).content


def test_retracted_event_cannot_be_marked(follower):
    event = record("topic:milk")
    retract(event)

    response = follower.post("/notifications/read/", {"uid": str(event.uid)})

    assert response.status_code == 400


def test_count_as_of_a_cursor_leaves_out_what_the_stream_will_send(follower, log):
    record("topic:milk")
    as_of = str(position(log))
    record("topic:milk")

    found = follower.get(INBOX, {"limit": "0", "as_of": as_of}, headers=JSON).json()

    assert (found["unseen"], found["cursor"]) == (1, as_of)


@pytest.mark.parametrize("cursor", ["now", "1", "1-", "01-0", "-1-0"])
def test_invalid_as_of_is_400(follower, cursor):
    response = follower.get(INBOX, {"as_of": cursor}, headers=JSON)

    assert response.status_code == 400
