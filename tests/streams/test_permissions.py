"""One rule about what a person may see: inbox, bell, poll, replay and stream."""

import pytest
from django.urls import reverse

from notifications.api import follow, permissions_changed
from notifications.live.connection import State
from notifications.live.hub import shared_hub
from notifications.models import Event, Follow
from tests.streaming import STREAM, StreamReader, followed_topics, record
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

POLL = "/notifications/poll/"
INBOX = "/notifications/"
MILK, TEA = "topic:milk", "topic:tea"


@pytest.fixture
def refused(settings):
    """Topics that nobody may see; a test changes them."""
    refused = set()
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic not in refused,
        "POLL_TIMEOUT": 0.1,
    }
    return refused


@pytest.fixture
def as_maja(client, maja):
    client.force_login(maja)
    follow(maja, MILK)
    follow(maja, TEA)
    return client


def wait_until_read(log):
    newest = log.position()
    wait_for(lambda: shared_hub().delivered_up_to >= newest, what="the hub")


def wait_until_closed(response):
    connection = response.stream.connection
    wait_for(lambda: connection.state is State.CLOSED, what="the end")
    return connection.close_reason


def test_inbox_bell_poll_replay_and_stream_agree(as_maja, refused, log, stream):
    shared_hub().ensure_started()
    start = str(log.position())
    record(MILK, title="milk")
    record(TEA, title="tea")
    wait_until_read(log)
    refused.add(MILK)

    inbox = as_maja.get(INBOX, HTTP_ACCEPT="application/json").json()
    page = as_maja.get(INBOX).content.decode()
    polled = as_maja.get(POLL, {"after": start}).json()["events"]
    reader = StreamReader(stream(as_maja, f"{STREAM}?last_event_id={start}"))
    replayed = reader.data()
    assert reader.next().event == "heartbeat"
    record(MILK, title="more milk")
    live = record(TEA, title="more tea")

    assert [each["title"] for each in inbox["events"]] == ["tea"]
    assert (inbox["unread"], inbox["unseen"]) == (1, 1)
    assert "Notifications, 1 new" in page
    assert [each["data"]["title"] for each in polled] == ["tea"]
    assert replayed["title"] == "tea"
    assert reader.data()["uid"] == str(live.uid)


def test_changed_topic_ends_the_streams_of_followers_and_anonymous_clients(
    as_maja, client, refused, stream, log
):
    other = type(client)()
    with_milk, with_tea = stream(as_maja), stream(other, f"{STREAM}?topic={TEA}")
    anonymous = stream(other, f"{STREAM}?topic={MILK}")
    refused.add(MILK)

    permissions_changed(topic=MILK)

    assert wait_until_closed(with_milk) == "permissions_changed"
    assert wait_until_closed(anonymous) == "permissions_changed"
    assert with_tea.stream.connection.state is State.OPEN
    assert followed_topics(stream(as_maja)) == {TEA}
    assert other.get(f"{STREAM}?topic={MILK}").status_code == 404
    assert [each.topic for each in Follow.objects.all()] == [TEA]


def test_cached_sessions_with_the_topic_are_stale_afterwards(
    as_maja, refused, stream, log, django_assert_num_queries
):
    stream(as_maja).close()
    with django_assert_num_queries(0):
        assert followed_topics(stream(as_maja)) == {MILK, TEA}
    refused.add(MILK)

    permissions_changed(topic=MILK)

    assert followed_topics(stream(as_maja)) == {TEA}


def test_sessions_are_cached_again_after_a_change(
    as_maja, refused, stream, log, django_assert_num_queries
):
    permissions_changed(topic=MILK)
    shared_hub().ensure_started()
    wait_until_read(log)

    stream(as_maja).close()

    with django_assert_num_queries(0):
        assert followed_topics(stream(as_maja)) == {MILK, TEA}


def test_followed_topic_that_is_refused_does_not_reach_an_open_stream(
    client, maja, refused, stream, log
):
    refused.add(MILK)
    client.force_login(maja)
    reader = StreamReader(stream(client))
    assert reader.next().event == "heartbeat"

    follow(maja, MILK)
    follow(maja, TEA)
    record(MILK, title="milk")
    record(TEA, title="tea")

    assert reader.data()["title"] == "tea"


def test_refused_event_cannot_be_marked(as_maja, refused):
    record(MILK)
    refused.add(MILK)
    uid = str(Event.objects.get().uid)

    response = as_maja.post(reverse("notifications:read"), {"uid": uid})

    assert response.status_code == 400
