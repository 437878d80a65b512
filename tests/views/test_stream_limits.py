"""The limits of streams over HTTP."""

import json

import pytest

from notifications.live.hub import shared_hub
from tests.streaming import STREAM

pytestmark = pytest.mark.django_db(transaction=True)


def test_too_many_topics_are_refused(client, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_TOPICS_PER_STREAM": 2}

    response = client.get(STREAM, {"topic": ["topic:a", "topic:b", "topic:c"]})

    assert response.status_code == 400
    assert b"at most 2 topics" in response.content


def test_too_many_streams_of_a_person_are_refused(as_maja, settings, open_reader):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_STREAMS_PER_PERSON": 1}
    first = open_reader(as_maja)

    refused = as_maja.get(STREAM)
    assert refused.status_code == 429
    assert refused["Retry-After"] == "5"
    first.response.close()

    assert open_reader(as_maja).next().event == "heartbeat"


def test_too_many_streams_of_an_address_are_refused(client, settings, open_reader):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "MAX_STREAMS_PER_ADDRESS": 1,
        "ADDRESS_HEADER": "HTTP_X_REAL_IP",
    }
    path = STREAM + "?topic=topic:milk"
    first = open_reader(client, path, **{"X-Real-IP": "10.0.0.1"})
    other = open_reader(client, path, **{"X-Real-IP": "10.0.0.2"})

    response = client.get(path, headers={"X-Real-IP": "10.0.0.1"})

    assert first.next().event == other.next().event == "heartbeat"
    assert response.status_code == 429


def test_refused_stream_does_not_count(client, settings, link, open_reader):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_STREAMS_PER_ADDRESS": 1}
    shared_hub().ensure_started()
    link.cut()
    path = STREAM + "?topic=topic:milk&last_event_id=1-1"
    assert client.get(path).status_code == 503
    link.mend()

    assert open_reader(client, path).next().event == "reset"


def test_expired_stream_sends_the_reason(client, settings, open_reader):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "STREAM_LIFETIME": 1}
    reader = open_reader(client, STREAM + "?topic=topic:milk")
    assert reader.next().event == "heartbeat"

    event = reader.next()

    assert event.event == "server_closed"
    assert json.loads(event.data) == {"reason": "expired"}
