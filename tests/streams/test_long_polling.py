"""Long polling over HTTP: the events of a stream, one document at a time."""

import threading
import time

import pytest
from django.test import Client

from notifications.exceptions import LogUnavailable
from notifications.inbox import read_state
from notifications.live import replay
from notifications.live.hub import shared_hub
from notifications.live.replay import Replay
from notifications.log.stream import shared_log
from notifications.models import Follow
from notifications.protocol.entries import row_key
from notifications.publishing import outbox
from notifications.streams import event_stream
from project.qa.notifications import NEW_QUESTION
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

POLL = "/notifications/poll/"
MILK = "topic:milk"
PUBLIC = f"{POLL}?topic={MILK}"


@pytest.fixture
def as_maja(client, maja):
    client.force_login(maja)
    Follow.objects.set_level(maja, MILK, "follow")
    return client


@pytest.fixture(autouse=True)
def short_timeout(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "POLL_TIMEOUT": 0.1}


def record(*topics, **options):
    payload = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}
    event = outbox.record(NEW_QUESTION, topics=topics, payload=payload, **options)
    event.refresh_from_db()
    return event


def poll(client, **query):
    """Poll once the hub has read the whole log; return the document."""
    newest = shared_log().position()
    shared_hub().ensure_started()
    wait_for(lambda: shared_hub().delivered_up_to >= newest, what="the hub")
    response = client.get(POLL, query)
    assert response.status_code == 200, response.content
    return response.json()


def begin(client, **query):
    """Return the cursor of the whole log."""
    return poll(client, **query)["cursor"]


def test_poll_without_a_cursor_returns_the_newest_one(client):
    found = poll(client, topic=MILK)

    assert found == {"cursor": str(shared_log().position()), "events": []}


def test_missed_events_are_returned_at_once_and_once(client):
    cursor = begin(client, topic=MILK)
    first, second = record(MILK), record(MILK)
    record("topic:oat")

    found = poll(client, topic=MILK, after=cursor)
    again = poll(client, topic=MILK, after=found["cursor"])

    assert found["events"] == [
        {"id": each.cursor, "event": "new_question", "data": each.wire()}
        for each in (first, second)
    ]
    assert again["events"] == []


def test_poll_waits_for_an_event(client, settings):
    cursor = begin(client, topic=MILK)
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "POLL_TIMEOUT": 30}
    found = []
    waiting = threading.Thread(
        target=lambda: found.append(poll(Client(), topic=MILK, after=cursor))
    )

    waiting.start()
    wait_for(lambda: shared_hub().connection_count, what="the poll to be attached")
    event = record(MILK)
    waiting.join(timeout=30)

    assert [each["id"] for each in found[0]["events"]] == [event.cursor]
    assert found[0]["cursor"] == event.cursor


def test_poll_waits_while_its_client_shows_who_is_there(client, settings):
    cursor = begin(client, topic="room:milk")
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "POLL_TIMEOUT": 30}

    told = poll(client, topic="room:milk", after=cursor)
    (found,) = told["events"]
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "POLL_TIMEOUT": 1}
    shown = {"presence": found["data"]["digest"], "after": told["cursor"]}
    again = poll(client, topic="room:milk", **shown)

    assert (found["event"], found["data"]["count"]) == ("presence", 1)
    assert told["cursor"] == cursor
    assert again["events"] == []


def test_poll_detaches_its_connection(client):
    poll(client, topic=MILK, after=begin(client, topic=MILK))

    assert shared_hub().connection_count == 0


def test_cursor_advances_without_events(client):
    cursor = begin(client, topic=MILK)
    last = record("topic:oat")

    found = poll(client, topic=MILK, after=cursor)

    assert found == {"cursor": last.cursor, "events": []}


def test_poll_returns_only_what_the_person_follows(as_maja, maja, tobias):
    cursor = begin(as_maja)
    record("topic:oat")
    record(MILK, actor=maja)
    event = record(MILK, actor=tobias)

    found = poll(as_maja, after=cursor)

    assert [each["id"] for each in found["events"]] == [event.cursor]


def test_poll_returns_the_unseen_count(as_maja, maja):
    cursor = begin(as_maja)
    event = record(MILK)

    found = poll(as_maja, after=cursor, unseen=2)

    assert found["events"][-1] == {
        "id": event.cursor,
        "event": "count",
        "data": {"unseen": 3, "more": [row_key(event.group)]},
    }


def test_poll_waits_while_only_others_have_events(as_maja, settings):
    cursor = begin(as_maja)
    record("topic:oat")
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "POLL_TIMEOUT": 0.5}
    began = time.monotonic()

    found = poll(as_maja, after=cursor, unseen=2)

    assert time.monotonic() - began > 0.4
    assert [each["data"] for each in found["events"]] == [{"unseen": 2}]


def test_events_seen_elsewhere_return_a_new_count(as_maja, maja):
    cursor = begin(as_maja)
    record(MILK)
    read_state.see_all(maja)

    found = poll(as_maja, after=cursor, unseen=5)

    assert found["events"][-1]["data"] == {"unseen": 0, "rows": []}


@pytest.mark.parametrize("after", ["1-1", "x", ""])
def test_unknown_cursor_returns_a_reset(client, after):
    found = poll(client, topic=MILK, after=after)

    assert [each["event"] for each in found["events"]] == ["reset"]
    assert found["cursor"] == str(shared_log().position())


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 403),
        ("?topic=x", 400),
        ("?topic=secret:7", 404),
    ],
)
def test_poll_refuses_what_the_stream_refuses(client, query, status):
    assert client.get(POLL + query).status_code == status


@pytest.mark.parametrize("unseen", ["x", "-1", "101", "1000", "²"])
def test_invalid_unseen_count_is_refused(as_maja, unseen):
    for path in (POLL, "/notifications/stream/"):
        response = as_maja.get(path, {"unseen": unseen}, headers={"Accept": "*/*"})
        assert response.status_code == 400
        assert b"unseen" in response.content


def test_unseen_count_of_an_anonymous_client_is_ignored(client):
    assert poll(client, topic=MILK, unseen="3")["events"] == []


def test_without_redis_a_poll_gets_retry_after(client, no_redis):
    response = client.get(PUBLIC)

    assert response.status_code == 503
    assert response["Retry-After"]


def test_poll_counts_as_a_stream(client, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_STREAMS": 1}
    stream = client.get(f"/notifications/stream/?topic={MILK}")

    response = client.get(PUBLIC)
    stream.close()

    assert response.status_code == 429


def test_poll_is_not_cached(client):
    assert "no-store" in client.get(PUBLIC)["Cache-Control"]


def test_post_is_not_allowed(client):
    assert client.post(PUBLIC).status_code == 405


def test_missed_events_that_cannot_be_read_are_not_skipped(client, monkeypatch):
    cursor = begin(client, topic=MILK)
    record(MILK)

    def fail(past, connection, after, until):
        raise LogUnavailable("gone")

    monkeypatch.setattr(Replay, "missed", fail)
    response = client.get(f"{PUBLIC}&after={cursor}")

    assert response.status_code == 503


def test_many_missed_events_come_in_parts(client, monkeypatch):
    monkeypatch.setattr(event_stream, "POLL_BYTES", 100)
    monkeypatch.setattr(replay, "REPLAY_BATCH_FRAMES", 2)
    cursor = begin(client, topic=MILK)
    events = [record(MILK) for _ in range(5)]
    found = []

    while part := poll(client, topic=MILK, after=cursor)["events"]:
        assert len(part) <= 2
        found += [each["id"] for each in part]
        cursor = found[-1]

    assert found == [each.cursor for each in events]


def test_unseen_count_is_unknown_in_the_middle_of_missed_events(as_maja, monkeypatch):
    monkeypatch.setattr(event_stream, "POLL_BYTES", 100)
    monkeypatch.setattr(replay, "REPLAY_BATCH_FRAMES", 1)
    cursor = begin(as_maja)
    event = record(MILK)
    record(MILK)

    found = poll(as_maja, after=cursor, unseen=0)

    assert found["cursor"] == event.cursor
    assert found["events"][-1]["data"] == {"unseen": None}


def test_unseen_count_without_a_cursor_is_ignored(as_maja):
    assert poll(as_maja, unseen=3)["events"] == []


def test_unseen_count_belongs_to_the_cursor_of_the_page(as_maja):
    cursor = begin(as_maja)
    query = {"unseen": 3, "last_event_id": cursor}
    stream = "/notifications/stream/"

    known = as_maja.get(stream, query)
    unknown = as_maja.get(stream, query, headers={"Last-Event-ID": "1-1"})

    assert known.stream.connection.unseen_count == 3
    assert unknown.stream.connection.unseen_count is None
    known.close()
    unknown.close()
