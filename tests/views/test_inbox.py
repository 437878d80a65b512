"""The inbox over HTTP: as HTML, as JSON, and marking events as read."""

import pytest
from django.urls import reverse

from notifications.log.stream import shared_log
from notifications.models import Follow
from notifications.protocol.entries import row_key
from tests.streaming import record

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = "/notifications/"
READ = "/notifications/read/"


def test_inbox_shows_the_events_of_followed_topics(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    record("topic:milk", title="For me")
    record("topic:tamping", title="Not for me")

    response = as_maja.get(INBOX)

    assert b"For me" in response.content
    assert b"Not for me" not in response.content


def test_inbox_as_json_has_the_same_events(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    event = record("topic:milk")

    response = as_maja.get(INBOX, headers={"Accept": "application/json"}).json()

    event.refresh_from_db()
    why = {"topic": "topic:milk", "level": "follow", "label": "topic:milk"}
    row = {"read": False, "count": 1, "total": 1, "why": [why]}
    assert response == {
        "unread": 1,
        "unseen": 1,
        "unseen_rows": [row_key(event.group)],
        "cursor": str(shared_log().position()),
        "events": [{**event.wire(), **row, "cursor": event.cursor}],
        "next": None,
    }


def test_long_inbox_has_pages(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    events = [record("topic:milk", number=each) for each in range(31)]

    first = as_maja.get(INBOX, headers={"Accept": "application/json"}).json()
    second = as_maja.get(first["next"], headers={"Accept": "application/json"}).json()

    assert len(first["events"]) == 30
    assert [each["uid"] for each in second["events"]] == [str(events[0].uid)]
    assert second["next"] is None


def test_counts_without_rows_are_what_a_page_asks_for_after_a_reset(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    record("topic:milk")

    response = as_maja.get(f"{INBOX}?limit=0", headers={"Accept": "application/json"})

    found = response.json()
    assert (found["unread"], found["unseen"], found["events"]) == (1, 1, [])
    assert found["next"] is None


@pytest.mark.parametrize(
    "query", ["type=%00", "type=A", "limit=31", "limit=x", "limit=" + "1" * 5_000]
)
def test_invalid_filter_is_refused(as_maja, query):
    assert as_maja.get(f"{INBOX}?{query}").status_code == 400


@pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 40])
def test_invalid_page_is_refused(as_maja, before):
    assert as_maja.get(INBOX, {"before": before}).status_code == 400


def test_reading_marks_events_up_to_a_given_one(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    read, _ = record("topic:milk"), record("topic:milk")

    response = as_maja.post(
        READ,
        {"up_to": str(read.uid)},
        headers={"Accept": "application/json"},
    )

    assert response.json().items() >= {"unread": 1, "unseen": 1}.items()


def test_reading_by_a_form_redirects_to_the_inbox(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    event = record("topic:milk")

    response = as_maja.post(READ, {"up_to": str(event.uid)})

    assert response.status_code == 302
    address, _, query = response["Location"].partition("?")
    assert address == reverse("notifications:inbox")
    assert "undo=" in query


def test_reading_marks_the_events_of_a_topic(as_maja, maja):
    for topic in ("topic:milk", "topic:tea"):
        Follow.objects.set_level(maja, topic, "follow")
        record(topic)
    accept = {"Accept": "application/json"}

    response = as_maja.post(READ, {"topic": "topic:milk"}, headers=accept)

    counts = {"unread": 1, "unseen": 1, "undo": None}
    assert response.json().items() >= counts.items()
    assert as_maja.post(READ, {"topic": "milk"}).status_code == 400


def test_event_outside_the_inbox_cannot_be_marked(as_maja):
    event = record("topic:milk")

    for up_to in (str(event.uid), "x", ""):
        response = as_maja.post(READ, {"up_to": up_to})
        assert response.status_code == 400


@pytest.mark.parametrize("path", [INBOX, READ])
def test_inbox_requires_a_login(client, path):
    response = client.post(path) if "read" in path else client.get(path)

    assert response.status_code == 302
    assert "/login/" in response["Location"]
