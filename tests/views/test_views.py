import json

import pytest
from django.apps import apps
from django.core.signals import request_started
from django.urls import reverse

from notifications.conf import conf
from notifications.live.hub import shared_hub
from notifications.log.stream import shared_log
from notifications.models import Follow
from notifications.publishing import outbox
from project.qa.models import Topic
from project.qa.notifications import NEW_QUESTION
from tests.streams.test_event_stream import parse
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = "/notifications/stream/"
INBOX = "/notifications/"
MILK = "/notifications/follows/topic:milk/"


@pytest.fixture
def milk():
    return Topic.objects.create(slug="milk", name="Milk")


@pytest.fixture
def as_maja(client, maja):
    client.force_login(maja)
    return client


def record(*topics, title="Why?", **options):
    payload = {"question_id": 1, "title": title, "url": "/questions/1/"}
    return outbox.record(NEW_QUESTION, topics=topics, payload=payload, **options)


class Subscriber:
    """Reads a stream's response event by event."""

    def __init__(self, response):
        assert response.status_code == 200, response.content
        self.response = response
        self._chunks = iter(response)
        self._events = []

    def next(self):
        """Return the next event; the test's time-out is the limit."""
        while not self._events:
            self._events += parse(next(self._chunks))
        return self._events.pop(0)

    def data(self):
        return json.loads(self.next().data)


@pytest.fixture
def read():
    """A function that opens a stream and has read up to its first heartbeat."""
    readers = []

    def read(client, path=STREAM, **headers):
        reader = Subscriber(client.get(path, headers=headers))
        readers.append(reader)
        return reader

    yield read
    for reader in readers:
        reader.response.close()


def test_a_person_streams_what_they_follow(as_maja, maja, read):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    reader = read(as_maja)
    assert reader.next().event == "heartbeat"

    record("topic:tamping", title="no")
    record("topic:milk", title="yes")

    event = reader.next()
    assert event.event == "new_question"
    assert json.loads(event.data)["title"] == "yes"


def test_a_person_does_not_stream_their_own(as_maja, maja, read):
    reader = read(as_maja, STREAM + "?topic=topic:milk")
    assert reader.next().event == "heartbeat"

    record("topic:milk", title="mine", actor=maja)
    record("topic:milk", title="other")

    assert reader.data()["title"] == "other"


def test_anybody_streams_the_public_topics_that_they_name(client, read):
    reader = read(client, STREAM + "?topic=topic:milk&topic=user:*")
    assert reader.next().event == "heartbeat"

    record("topic:tamping", title="no")
    record("topic:milk", title="one")
    record("user:7", title="two")

    assert [reader.data()["title"], reader.data()["title"]] == ["one", "two"]


def test_nobody_known_has_to_name_a_topic(client):
    assert client.get(STREAM).status_code == 403


@pytest.mark.parametrize("topic", ["milk", "topic:", "TOPIC:milk", "topic:a b", "*:*"])
def test_what_is_no_topic_is_named_in_the_refusal(client, topic):
    response = client.get(STREAM, {"topic": topic})

    assert response.status_code == 400
    assert topic in response.content.decode()


def test_a_topic_that_is_not_public_looks_like_one_that_is_not_there(client):
    assert client.get(STREAM, {"topic": "room:7"}).status_code == 404


def test_more_topics_than_allowed_are_refused(client, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_TOPICS_PER_STREAM": 2}

    response = client.get(STREAM, {"topic": ["topic:a", "topic:b", "topic:c"]})

    assert response.status_code == 400
    assert b"at most 2 topics" in response.content


def test_a_client_that_comes_back_gets_what_it_missed(client, read):
    first, second = record("topic:milk"), record("topic:milk", title="missed")
    first.refresh_from_db()

    by_header = read(
        client, STREAM + "?topic=topic:milk", **{"Last-Event-ID": first.cursor}
    )
    by_query = read(client, f"{STREAM}?topic=topic:milk&last_event_id={first.cursor}")

    assert by_header.data()["uid"] == by_query.data()["uid"] == str(second.uid)


def test_the_header_wins_over_the_query(client, read):
    first, second = record("topic:milk"), record("topic:milk")
    first.refresh_from_db()
    second.refresh_from_db()

    path = f"{STREAM}?topic=topic:milk&last_event_id={first.cursor}"
    reader = read(client, path, **{"Last-Event-ID": second.cursor})

    assert reader.next().event == "heartbeat"


@pytest.mark.parametrize(
    "query",
    ["last_event_id=0-0", "last_event_id=x", "last_event_id=1-1&last_event_id=1-1"],
)
def test_a_cursor_that_proves_nothing_is_answered_with_a_reset(client, read, query):
    reader = read(client, f"{STREAM}?topic=topic:milk&{query}")

    assert reader.next().event == "reset"


def test_a_channel_stream_brings_what_is_published(client, read, redis_client):
    reader = read(client, STREAM + "?channel=sse")
    assert reader.next().event == "heartbeat"

    redis_client.publish("sse", '{"data": {"a": 1}, "type": "new_answers"}')

    event = reader.next()
    assert (event.event, event.data) == ("new_answers", '{"a":1}')


@pytest.mark.parametrize(
    ("query", "status"), [("channel=other", 404), ("channel=sse&topic=user:7", 400)]
)
def test_a_channel_that_cannot_be_is_refused(client, query, status):
    assert client.get(f"{STREAM}?{query}").status_code == status


def test_without_redis_a_stream_says_when_to_come_back(client, no_redis):
    response = client.get(STREAM, {"topic": "topic:milk"})

    assert response.status_code == 503
    assert response["Retry-After"] == "2"


def test_closing_the_response_detaches_the_connection(client, read):
    reader = read(client, STREAM + "?topic=topic:milk")
    assert shared_hub().connection_count == 1

    reader.response.close()

    assert shared_hub().connection_count == 0


def test_a_browser_that_opens_the_stream_gets_a_page(client):
    response = client.get(STREAM, headers={"Accept": "text/html,*/*;q=0.8"})

    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "method"),
    [(STREAM, "post"), (INBOX, "post"), ("/notifications/read/", "get"), (MILK, "get")],
)
def test_a_wrong_method_is_refused(as_maja, path, method):
    assert getattr(as_maja, method)(path).status_code == 405


def test_the_inbox_shows_what_one_was_told_of(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    record("topic:milk", title="For me")
    record("topic:tamping", title="Not for me")

    response = as_maja.get(INBOX)

    assert b"For me" in response.content
    assert b"Not for me" not in response.content


def test_the_inbox_as_json_has_the_same(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    event = record("topic:milk")

    response = as_maja.get(INBOX, headers={"Accept": "application/json"}).json()

    event.refresh_from_db()
    why = {"topic": "topic:milk", "level": "follow", "label": "topic:milk"}
    row = {"read": False, "count": 1, "total": 1, "why": [why]}
    assert response == {
        "unread": 1,
        "unseen": 1,
        "cursor": str(shared_log().position()),
        "events": [{**event.wire(), **row, "cursor": event.cursor}],
        "next": None,
    }


def test_a_long_inbox_has_pages(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    events = [record("topic:milk") for _ in range(31)]

    first = as_maja.get(INBOX, headers={"Accept": "application/json"}).json()
    second = as_maja.get(first["next"], headers={"Accept": "application/json"}).json()

    assert len(first["events"]) == 30
    assert [each["uid"] for each in second["events"]] == [str(events[0].uid)]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["type=%00", "type=A", "limit=31", "limit=x"])
def test_what_cannot_select_is_refused(as_maja, query):
    assert as_maja.get(f"{INBOX}?{query}").status_code == 400


@pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 40])
def test_a_wrong_page_is_refused(as_maja, before):
    assert as_maja.get(INBOX, {"before": before}).status_code == 400


def test_reading_marks_up_to_an_event(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    read, _ = record("topic:milk"), record("topic:milk")

    response = as_maja.post(
        "/notifications/read/",
        {"up_to": str(read.uid)},
        headers={"Accept": "application/json"},
    )

    assert response.json().items() >= {"unread": 1, "unseen": 1}.items()


def test_reading_by_a_form_goes_back_to_the_inbox(as_maja, maja):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    event = record("topic:milk")

    response = as_maja.post("/notifications/read/", {"up_to": str(event.uid)})

    assert response.status_code == 302
    address, _, query = response["Location"].partition("?")
    assert address == reverse("notifications:inbox")
    assert "undo=" in query


def test_an_event_of_somebody_elses_inbox_cannot_be_marked(as_maja):
    event = record("topic:milk")

    for up_to in (str(event.uid), "x", ""):
        response = as_maja.post("/notifications/read/", {"up_to": up_to})
        assert response.status_code == 400


@pytest.mark.parametrize("path", [INBOX, "/notifications/read/"])
def test_the_inbox_is_for_who_signed_in(client, path):
    response = client.post(path) if "read" in path else client.get(path)

    assert response.status_code == 302
    assert "/login/" in response["Location"]


def test_a_topic_is_followed_and_left(as_maja, maja, milk):
    put = as_maja.put(MILK, "level=watch")
    assert put.json() == {"topic": "topic:milk", "level": "watch"}
    assert Follow.objects.get(user=maja).level == "watch"

    assert as_maja.delete(MILK).json() == {"topic": "topic:milk", "level": "none"}

    assert not Follow.objects.exists()


def test_following_by_json_works_too(as_maja, milk):
    as_maja.put(MILK, '{"level": "mute"}', content_type="application/json")

    assert Follow.objects.get().level == "mute"


def test_a_plain_put_follows(as_maja, milk):
    assert as_maja.put(MILK).status_code == 200

    assert Follow.objects.get().level == "follow"


def test_following_by_a_form_goes_back_to_the_page(as_maja, milk):
    response = as_maja.post(MILK, {"level": "follow", "next": "/topics/milk/"})
    assert response["Location"] == "/topics/milk/"
    assert Follow.objects.get().topic == "topic:milk"

    as_maja.post(MILK, {"level": "none"})

    assert not Follow.objects.exists()


def test_a_form_does_not_lead_to_another_site(as_maja, milk):
    response = as_maja.post(MILK, {"level": "follow", "next": "https://evil.example/"})

    address = response["Location"].partition("?")[0]
    assert address == reverse("notifications:inbox")


@pytest.mark.parametrize("topic", ["topic:none", "room:7", "milk", "topic:*", "user:x"])
def test_what_cannot_be_followed_is_not_found(as_maja, topic):
    response = as_maja.put(f"/notifications/follows/{topic}/")

    assert response.status_code == 404
    assert not Follow.objects.exists()


@pytest.mark.parametrize("body", ["level=loud", '{"level": 5}', "[]", "{"])
def test_a_wrong_level_is_refused(as_maja, milk, body):
    kind = (
        "application/json" if body[0] in "[{" else "application/x-www-form-urlencoded"
    )

    response = as_maja.put(MILK, body, content_type=kind)

    assert response.status_code == 400
    assert b"expected" in response.content
    assert not Follow.objects.exists()


def test_who_is_not_signed_in_follows_nothing(client, milk):
    assert client.put(MILK).status_code == 403
    response = client.post(MILK, {"level": "follow", "next": "/topics/milk/"})

    assert response["Location"] == "/login/?next=/topics/milk/"
    assert not Follow.objects.exists()


def test_changes_need_a_csrf_token(maja, milk):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(maja)

    assert client.put(MILK).status_code == 403
    assert client.delete(MILK).status_code == 403
    assert client.post(MILK).status_code == 403
    assert client.post("/notifications/read/").status_code == 403
    assert not Follow.objects.exists()


def test_the_site_can_say_itself_who_may_stream_what(client, settings, read):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic == "room:7",
    }

    assert read(client, STREAM + "?topic=room:7").next().event == "heartbeat"
    assert client.get(STREAM, {"topic": "topic:milk"}).status_code == 404
    assert conf.AUTHORIZE(None, "room:7")


def test_more_streams_of_a_person_than_allowed_have_to_wait(as_maja, settings, read):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_STREAMS_PER_PERSON": 1}
    first = read(as_maja)

    refused = as_maja.get(STREAM)
    assert refused.status_code == 429
    assert refused["Retry-After"] == "5"
    first.response.close()

    assert read(as_maja).next().event == "heartbeat"


def test_more_streams_of_an_address_than_allowed_have_to_wait(client, settings, read):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "MAX_STREAMS_PER_ADDRESS": 1,
        "ADDRESS_HEADER": "HTTP_X_REAL_IP",
    }
    path = STREAM + "?topic=topic:milk"
    first = read(client, path, **{"X-Real-IP": "10.0.0.1"})
    other = read(client, path, **{"X-Real-IP": "10.0.0.2"})

    response = client.get(path, headers={"X-Real-IP": "10.0.0.1"})

    assert first.next().event == other.next().event == "heartbeat"
    assert response.status_code == 429


def test_a_refused_stream_leaves_no_place_taken(client, settings, link, read):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "MAX_STREAMS_PER_ADDRESS": 1}
    shared_hub().ensure_started()
    link.cut()
    path = STREAM + "?topic=topic:milk&last_event_id=1-1"
    assert client.get(path).status_code == 503
    link.mend()

    assert read(client, path).next().event == "reset"


def test_a_stream_that_is_over_says_why(client, settings, read):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "STREAM_LIFETIME": 1}
    reader = read(client, STREAM + "?topic=topic:milk")
    assert reader.next().event == "heartbeat"

    event = reader.next()

    assert event.event == "server_closed"
    assert json.loads(event.data) == {"reason": "expired"}


def test_a_topic_that_is_followed_and_no_longer_allowed_is_not_streamed(
    as_maja, maja, settings, read
):
    Follow.objects.set_level(maja, "topic:milk", "follow")
    Follow.objects.set_level(maja, "topic:open", "follow")
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != "topic:milk",
    }
    reader = read(as_maja)
    assert reader.next().event == "heartbeat"

    record("topic:milk", title="no")
    record("topic:open", title="yes")

    assert reader.data()["title"] == "yes"


def test_what_one_may_no_longer_see_can_be_left(as_maja, maja):
    Follow.objects.set_level(maja, "topic:gone", "follow")

    assert as_maja.delete("/notifications/follows/topic:gone/").status_code == 200

    assert not Follow.objects.exists()


READY = "/notifications/ready/"


@pytest.fixture
def probes(settings):
    """The settings of a process that probes, though no thread does so here."""
    uid = "notifications"
    request_started.disconnect(dispatch_uid=uid)
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}
    yield
    config = apps.get_app_config("notifications")
    request_started.connect(config.start_threads, dispatch_uid=uid)


def test_a_process_that_hears_what_it_writes_is_ready(client, log, probes):
    client.get(READY)
    log.probe()

    wait_for(lambda: client.get(READY).status_code == 200, what="readiness")


def test_a_process_that_does_not_hear_what_it_writes_is_not_ready(client, probes):
    response = client.get(READY)

    assert response.status_code == 503
    assert "not heard" in response.json()["problem"]


def test_a_process_without_redis_is_not_ready(client, no_redis):
    response = client.get(READY)

    assert response.status_code == 503
    assert response.json()["ready"] is False


def test_a_process_that_cannot_read_is_not_ready(client, link):
    assert client.get(READY).json() == {"ready": True, "problem": ""}
    link.cut()

    wait_for(lambda: client.get(READY).status_code == 503, what="the interruption")
    assert client.get(READY).json()["problem"] == "the log cannot be read"
