"""Clients of Mercure on the running site: curl, a library on Node, and Chromium."""

import uuid
from urllib.parse import urlsplit

import pytest

from tests.interop import hub
from tests.interop.browser_client import chromium
from tests.interop.program_clients import NodeClient, curl
from tests.system.eventsource import Received


def by_header(client):
    """Return a client that sends a token in the header."""

    def opened(url, last_event_id, token):
        headers = {"Authorization": f"Bearer {token}"}
        return client(url, last_event_id, headers=headers)

    return opened


def chromium_by_cookie(url, last_event_id, token):
    """Return the browser with the cookie that a page of the site has set."""
    cookie = {
        "name": hub.COOKIE,
        "value": token,
        "domain": urlsplit(url).hostname,
        "path": hub.PATH,
        "secure": True,
        "httpOnly": True,
        "sameSite": "Strict",
    }
    return chromium(url, last_event_id, cookies=[cookie])


CLIENTS = {
    "curl": by_header(curl),
    "eventsource-client": by_header(NodeClient("eventsource-client")),
    "Chromium": chromium_by_cookie,
}


@pytest.fixture
def topic():
    return f"https://example.com/books/{uuid.uuid4()}"


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_client_receives_private_updates_and_resumes(site, topic, client):
    url, token = hub.asking(site, match=topic), hub.token_for(topic)
    before = hub.publish(site, topic, "before")

    with client(url, before, token) as events:
        hub.publish(site, f"{topic}/other", "of another topic", private="on")
        ids = [hub.publish(site, topic, "Grüße\n1", private="on", type="text")]
        found = [next(events)]
        # The stream is open now.
        ids.append(hub.publish(site, topic, "2", id=f"urn:{topic}"))
        found.append(next(events))
    ids.append(hub.publish(site, topic, "3", private="on"))
    with client(url, ids[1], token) as events:
        found.append(next(events))

    assert found == [
        Received("text", ids[0], "Grüße\n1"),
        Received("message", ids[1], "2"),
        Received("message", ids[2], "3"),
    ]


def test_client_without_a_matching_token_receives_public_updates_only(site, topic):
    url = hub.asking(site, match_urlpattern="https://example.com/books/:id")
    before = hub.publish(site, topic, "before")
    other = hub.token_for("https://example.com/books/1")

    with curl(url, before) as anonymous, CLIENTS["curl"](url, before, other) as granted:
        hub.publish(site, topic, "secret", private="on")
        public = hub.publish(site, topic, "public")

        for events in (anonymous, granted):
            assert next(events) == Received("message", public, "public")


def test_stream_ends_when_its_token_expires(site, topic):
    before = hub.publish(site, topic, "before")
    public = hub.publish(site, topic, "1")
    token = hub.token_for(topic, seconds=hub.SHORT_SECONDS)

    with CLIENTS["curl"](hub.asking(site, match=topic), before, token) as events:
        assert [*events] == [Received("message", public, "1")]


def test_start_and_end_of_a_subscription_are_told(site, topic):
    pattern = f"{hub.PATH}/subscriptions/exact/:match/:subscriber"
    token = hub.token_for("*")
    before = hub.publish(site, topic, "before")
    watching = hub.asking(site, match_urlpattern=pattern)

    with CLIENTS["curl"](watching, before, token) as events:
        with curl(hub.asking(site, match=topic), before):
            started = told(events, topic)
        ended = told(events, topic)

    assert started["active"]
    assert ended == {**started, "active": False}


def told(events, topic):
    """Return the next update about a subscription to a topic."""
    fields = (each.fields for each in events if each.name == "mercure")
    return next(each for each in fields if each["match"] == topic)
