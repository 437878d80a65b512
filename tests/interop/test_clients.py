"""What each client makes of the streams of the running site."""

import statistics
import time
import uuid

import httpx
import pytest

from tests.interop.browser_client import chromium
from tests.interop.program_clients import NodeClient, curl
from tests.interop.python_clients import (
    aiohttp_sse_client,
    aiosseclient_client,
    httpx_client,
    requests_sse_client,
    sseclient_on_requests,
    sseclient_on_urllib3,
)
from tests.interop.story import LAST_IDS, STEPS
from tests.system.eventsource import Received
from tests.system.topics import asking

# They reconnect by themselves, until they are told that there is no more.
RECONNECTING = {
    "requests-sse": requests_sse_client,
    "aiohttp-sse-client2": aiohttp_sse_client,
    "eventsource": NodeClient("eventsource"),
    "eventsource-client": NodeClient("eventsource-client"),
    "fetch-event-source": NodeClient("fetch-event-source"),
    "Chromium": chromium,
}
# They read one stream to its end.
OTHERS = {
    "curl": curl,
    "httpx-sse": httpx_client,
    "sseclient-py on requests": sseclient_on_requests,
    "sseclient-py on urllib3": sseclient_on_urllib3,
    "aiosseclient": aiosseclient_client,
}
CLIENTS = RECONNECTING | OTHERS
SERVER_NAMES = {"heartbeat", "server_closed"}
EVENTS = 5
# A client or a server that holds events back needs longer than any machine: until the
# next heartbeat.
LATENCY_SECONDS = 5
# What clients wait without a `retry` is at least this, for most of them.
PAUSE_SECONDS = 2


def every_client(clients):
    return pytest.mark.parametrize("client", clients.values(), ids=clients)


def following(events):
    """Return the next event that is not the server's own."""
    return next(each for each in events if each.name not in SERVER_NAMES)


@every_client(CLIENTS)
def test_event_arrives_when_it_is_published(
    site, publisher, topic, client, record_property
):
    latencies = []
    with client(site.url + asking([topic])) as events:
        # The first heartbeat: the stream is open.
        assert next(events).name == "heartbeat"
        for number in range(EVENTS):
            start = time.monotonic()
            publisher.ask(topic, title=f"Grüße {number}")
            event = following(events)
            latencies.append(time.monotonic() - start)

            assert event.name == "new_question"
            assert event.fields["title"] == f"Grüße {number}"
            assert event.id

    record_property("median_ms", round(statistics.median(latencies) * 1000, 1))
    assert statistics.median(latencies) < LATENCY_SECONDS


@every_client(CLIENTS)
def test_client_resumes_after_its_last_event(site, publisher, topic, client):
    url = site.url + asking([topic])
    with client(url) as events:
        assert next(events).name == "heartbeat"
        publisher.ask(topic)
        last = following(events).id
    missed = [publisher.publish(topic) for _ in range(3)]

    with client(url, last) as events:
        found = [following(events).uid for _ in missed]

    assert found == missed


@every_client(RECONNECTING)
def test_client_is_told_a_story_in_parts_until_it_is_over(
    site, client, record_property
):
    url = f"{site.url}/stories/{uuid.uuid4()}/"

    with client(url) as events:
        found = [each for each in events if each.name not in SERVER_NAMES]

    assert found == whole_story()
    asked = httpx.get(f"{url}requests/").json()
    assert asked["last_ids"] == LAST_IDS
    record_property("pauses", asked["pauses"])
    assert statistics.median(asked["pauses"]) < PAUSE_SECONDS


@every_client(OTHERS)
def test_client_is_told_a_story_part_by_part(site, client):
    url = f"{site.url}/stories/{uuid.uuid4()}/"
    found = []

    for last_id in LAST_IDS:
        with client(url, last_id) as events:
            found += [each for each in events if each.name not in SERVER_NAMES]

    assert found == whole_story()


def whole_story():
    return [
        Received(name, str(number), data)
        for number, (name, data) in enumerate(STEPS, start=1)
    ]
