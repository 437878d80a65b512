"""Subscribing: which updates reach which subscriber, and what is refused."""

import time

import pytest

from notifications.live.hub import shared_hub
from tests.mercure.conftest import (
    ALL,
    HUB,
    claims_for,
    detail,
    sign,
    token_for,
)
from tests.streaming import StreamReader

BOOK = "https://example.com/books/1"
BOOKS = {"match_urlpattern": "https://example.com/books/:id"}


@pytest.mark.parametrize(
    "query",
    [
        {"match": BOOK},
        {"match_exact": BOOK},
        BOOKS,
        {"match": "*"},
        {"match_urlpattern": "*"},
        {"match": ["other", BOOK]},
    ],
    ids=str,
)
def test_matching_update_is_sent(subscribe, publish, query):
    reader = subscribe(query)

    if "*" not in query.values():
        publish("https://example.com/others/1", "not this")
    publish(BOOK, "one\ntwo", type="changed", retry="4000")

    event = reader.next()
    assert (event.data, event.event, event.retry) == ("one\ntwo", "changed", 4000)


def test_exact_match_is_of_the_whole_topic_and_its_case(subscribe, publish):
    reader = subscribe({"match": "book"})

    for topic in ("Book", "books", "/book", "boo"):
        publish(topic, "other")
    publish("book", "this")

    assert reader.next().data == "this"


def test_alternate_topic_is_matched(subscribe, publish):
    reader = subscribe(BOOKS)

    publish(["https://example.com/others/1", BOOK], "both")

    assert reader.next().data == "both"


def test_relative_pattern_and_topic_are_resolved_against_the_hub(subscribe, publish):
    reader = subscribe({"match_urlpattern": "/rooms/:id"})

    publish("https://other.example/rooms/1", "of another host")
    publish("http://[", "not a URL")
    publish("/rooms/1", "here")

    assert reader.next().data == "here"


def test_update_that_several_matchers_match_is_sent_once(subscribe, publish):
    reader = subscribe({"match": [BOOK, "*"], **BOOKS})

    publish(BOOK, "first")
    publish(BOOK, "second")

    assert [reader.next().data for _ in range(2)] == ["first", "second"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "match_regexp=a",
        "matches=a",
        "Match=a",
        "match_URLPattern=a",
        "match=a%00b",
        "match=a%E2%80%8Bb",
        "match=%FF",
        "match_urlpattern=https://example.com/(",
        "match=" + "a" * 1025,
        "&".join(f"match={number}" for number in range(501)),
        "topic=a",
    ],
    ids=lambda query: query[:40],
)
def test_invalid_query_is_400(open_hub, query):
    assert open_hub(query).status_code == 400


def test_other_parameters_are_ignored(open_hub):
    assert open_hub("match=a&colour=red").status_code == 200


def test_private_update_needs_a_grant(subscribe, publish):
    anonymous = subscribe({"match": BOOK})
    other = subscribe({"match": BOOK}, token=token_for("https://example.com/books/2"))
    granted = subscribe({"match": BOOK}, token=token_for(BOOK, actions=["subscribe"]))
    publisher = subscribe({"match": BOOK}, token=token_for(BOOK, actions=["publish"]))

    publish(BOOK, "secret", private="")
    publish(BOOK, "public")

    assert granted.next().data == "secret"
    for reader in (anonymous, other, publisher, granted):
        assert reader.next().data == "public"


def test_grant_for_an_alternate_topic_is_enough(subscribe, publish):
    pattern = {"match": "https://example.com/users/42/*", "match_type": "urlpattern"}
    reader = subscribe(BOOKS, token=token_for(pattern))

    publish(BOOK, "of nobody", private="on")
    publish([BOOK, "https://example.com/users/42/books/1"], "mine", private="on")

    assert reader.next().data == "mine"


def test_grant_does_not_select(subscribe, publish):
    reader = subscribe({"match": "a"}, token=ALL)

    publish("b", "other", private="on")
    publish("a", "this", private="on")

    assert reader.next().data == "this"


def test_replayed_private_update_needs_a_grant(subscribe, publish):
    publish("a", "secret", private="on")
    publish("a", "public")
    query = {"match": "a", "last_event_id": "earliest"}

    assert subscribe(query).next().data == "public"
    assert subscribe(query, token=ALL).next().data == "secret"
    assert subscribe(query).next().data == "public"


def test_stream_ends_before_its_token_expires(open_hub):
    claims = claims_for(detail("*"), exp=int(time.time()) + 2)

    response = open_hub({"match": "a"}, token=sign(claims))

    assert response.stream.connection.seconds_left <= 1
    # Reads to the end.
    assert b"event:" not in b"".join(response)


def test_stream_of_an_anonymous_subscriber_has_a_lifetime(open_hub):
    response = open_hub({"match": "a"})

    assert 0 < response.stream.connection.seconds_left < float("inf")


def test_stream_is_kept_alive_by_comments(site, open_hub):
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "HEARTBEAT_INTERVAL": 0.1}
    chunks = iter(open_hub({"match": "a"}))

    assert [next(chunks) for _ in range(3)] == [b"retry: 3000\n", b":\n", b":\n"]


def test_stream_has_no_event_of_another_kind(open_hub):
    response = open_hub({"match": "a"})
    shared_hub().stop()

    assert b"event:" not in b"".join(response)


def test_page_of_a_trusted_origin_may_read(open_hub):
    trusted = open_hub("match=a", headers={"Origin": "https://page.example"})
    other = open_hub("match=a", headers={"Origin": "https://evil.example"})

    assert trusted["Access-Control-Allow-Origin"] == "https://page.example"
    assert trusted["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Origin" not in other
    assert "Origin" in trusted["Vary"]
    assert "Origin" in other["Vary"]


def test_preflight_names_methods_and_headers(client):
    headers = {"Origin": "https://page.example"}

    response = client.options(HUB, headers=headers)

    assert response.status_code == 204
    assert "POST" in response["Access-Control-Allow-Methods"]
    assert "Authorization" in response["Access-Control-Allow-Headers"]


def test_too_many_streams_of_an_address_are_429(site, open_hub):
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "MAX_STREAMS_PER_ADDRESS": 1}
    assert open_hub("match=a").status_code == 200

    assert open_hub("match=a").status_code == 429


def test_site_may_refuse_subscribers_without_a_token(site, open_hub):
    site.MERCURE = {**site.MERCURE, "ANONYMOUS": False}

    refused = open_hub("match=a")

    assert refused.status_code == 401
    assert "error=" not in refused["WWW-Authenticate"]
    assert open_hub("match=a", token=ALL).status_code == 200


def test_streams_of_the_app_get_no_updates(subscribe, publish, client):
    mercure = subscribe({"match": "topic:espresso"})
    response = client.get("/notifications/stream/?topic=topic:espresso")
    reader = StreamReader(response)
    assert reader.next().event == "heartbeat"

    publish("topic:espresso", "update")
    assert mercure.next().data == "update"
    shared_hub().stop()

    assert reader.next().event == "server_closed"


def test_hub_is_off_without_its_setting(site, client):
    site.MERCURE = None

    assert client.get(f"{HUB}?match=a").status_code == 404


def test_log_that_is_away_is_503(link, open_hub, publish):
    link.cut()

    assert open_hub("match=a").status_code == 503
    assert publish("a").status_code == 503
    link.mend()
    assert open_hub("match=a").status_code == 200
