"""The stream over HTTP: what it brings, and what it refuses."""

import json

import pytest

from notifications.conf import conf
from notifications.live.hub import shared_hub
from notifications.models import Follow
from tests.streaming import STREAM, record

pytestmark = pytest.mark.django_db(transaction=True)


def test_person_streams_the_topics_that_they_follow(as_maja, maja, open_reader):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    reader = open_reader(as_maja)
    assert reader.next().event == "heartbeat"

    record("topic:tamping", title="no")
    record("topic:milk", title="yes")

    event = reader.next()
    assert event.event == "new_question"
    assert json.loads(event.data)["title"] == "yes"


def test_person_does_not_stream_their_own_events(as_maja, maja, open_reader):
    reader = open_reader(as_maja, STREAM + "?topic=topic:milk")
    assert reader.next().event == "heartbeat"

    record("topic:milk", title="mine", actor=maja)
    record("topic:milk", title="other")

    assert reader.data()["title"] == "other"


def test_anonymous_client_streams_the_public_topics_that_it_names(client, open_reader):
    reader = open_reader(client, STREAM + "?topic=topic:milk&topic=user:*")
    assert reader.next().event == "heartbeat"

    record("topic:tamping", title="no")
    record("topic:milk", title="one")
    record("user:7", title="two")

    assert [reader.data()["title"], reader.data()["title"]] == ["one", "two"]


def test_anonymous_client_must_name_a_topic(client):
    assert client.get(STREAM).status_code == 403


@pytest.mark.parametrize("topic", ["milk", "topic:", "TOPIC:milk", "topic:a b", "*:*"])
def test_refusal_names_the_invalid_topic(client, topic):
    response = client.get(STREAM, {"topic": topic})

    assert response.status_code == 400
    assert topic in response.content.decode()


def test_topic_that_is_not_public_is_not_found(client):
    assert client.get(STREAM, {"topic": "secret:7"}).status_code == 404


def test_client_that_reconnects_gets_the_missed_events(client, open_reader):
    first, second = record("topic:milk"), record("topic:milk", title="missed")
    first.refresh_from_db()

    by_header = open_reader(
        client, STREAM + "?topic=topic:milk", **{"Last-Event-ID": first.cursor}
    )
    by_query = open_reader(
        client, f"{STREAM}?topic=topic:milk&last_event_id={first.cursor}"
    )

    assert by_header.data()["uid"] == by_query.data()["uid"] == str(second.uid)


def test_last_event_id_header_wins_over_the_query(client, open_reader):
    first, second = record("topic:milk"), record("topic:milk")
    first.refresh_from_db()
    second.refresh_from_db()

    path = f"{STREAM}?topic=topic:milk&last_event_id={first.cursor}"
    reader = open_reader(client, path, **{"Last-Event-ID": second.cursor})

    assert reader.next().event == "heartbeat"


@pytest.mark.parametrize(
    "query",
    ["last_event_id=0-0", "last_event_id=x", "last_event_id=1-1&last_event_id=1-1"],
)
def test_unknown_cursor_gets_a_reset(client, open_reader, query):
    reader = open_reader(client, f"{STREAM}?topic=topic:milk&{query}")

    assert reader.next().event == "reset"


def test_channel_stream_brings_published_messages(client, open_reader, redis_client):
    reader = open_reader(client, STREAM + "?channel=sse")
    assert reader.next().event == "heartbeat"

    redis_client.publish("sse", '{"data": {"a": 1}, "type": "new_answers"}')

    event = reader.next()
    assert (event.event, event.data) == ("new_answers", '{"a":1}')


@pytest.mark.parametrize(
    ("query", "status"), [("channel=other", 404), ("channel=sse&topic=user:7", 400)]
)
def test_invalid_channel_is_refused(client, query, status):
    assert client.get(f"{STREAM}?{query}").status_code == status


def test_without_redis_a_stream_gets_retry_after(client, no_redis):
    response = client.get(STREAM, {"topic": "topic:milk"})

    assert response.status_code == 503
    assert response["Retry-After"] == "2"


def test_closing_the_response_detaches_the_connection(client, open_reader):
    reader = open_reader(client, STREAM + "?topic=topic:milk")
    assert shared_hub().connection_count == 1

    reader.response.close()

    assert shared_hub().connection_count == 0


def test_browser_that_opens_the_stream_gets_a_page(client):
    response = client.get(STREAM, headers={"Accept": "text/html,*/*;q=0.8"})

    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("parameter", ["q*=bogus''1", "a*=undefined''%ff"])
def test_malformed_accept_header_is_ignored(client, parameter):
    response = client.get(STREAM, headers={"Accept": f"text/html;{parameter}"})

    assert response.status_code == 403


def test_site_decides_who_may_stream_which_topic(client, settings, open_reader):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic == "room:7",
    }

    assert open_reader(client, STREAM + "?topic=room:7").next().event == "heartbeat"
    assert client.get(STREAM, {"topic": "topic:milk"}).status_code == 404
    assert conf.AUTHORIZE(None, "room:7")


def test_followed_topic_that_is_no_longer_allowed_is_not_streamed(
    as_maja, maja, settings, open_reader
):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    Follow.objects.set_level(maja, "topic:open", "follow")
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != "topic:milk",
    }
    reader = open_reader(as_maja)
    assert reader.next().event == "heartbeat"

    record("topic:milk", title="no")
    record("topic:open", title="yes")

    assert reader.data()["title"] == "yes"
