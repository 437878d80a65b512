"""Publishing: what is accepted, refused and ignored."""

import pytest

from notifications.api import publish_update
from notifications.exceptions import InvalidValue
from tests.mercure.conftest import ALL, FORM, HUB, bearer, token_for


def test_reply_is_the_id_as_plain_text(publish):
    response = publish("a", "data", id="urn:uuid:1", unknown="ignored")

    assert response.status_code == 200
    assert response.content == b"urn:uuid:1"
    assert response["Content-Type"] == "text/plain; charset=utf-8"


def test_update_without_data_is_sent(open_hub, publish):
    chunks = iter(open_hub({"match": "a"}))
    assert [next(chunks) for _ in range(2)] == [b"retry: 3000\n", b":\n"]

    published = publish("a").content

    assert next(chunks) == b"id: " + published + b"\ndata: \n\n"


def test_lines_of_data_may_end_in_any_way(open_hub, publish):
    chunks = iter(open_hub({"match": "a"}))
    assert [next(chunks) for _ in range(2)] == [b"retry: 3000\n", b":\n"]

    publish("a", "1\r2\r\n3\n4")

    assert b"data: 1\ndata: 2\ndata: 3\ndata: 4\n" in next(chunks)


@pytest.mark.parametrize(
    "fields",
    [
        {"topic": []},
        {"topic": "*"},
        {"topic": ["a", "*"]},
        {"topic": ""},
        {"topic": "a\x00"},
        {"topic": "a\u200bb"},
        {"topic": HUB},
        {"topic": ["a", f"{HUB}/subscriptions/exact/a/b"]},
        {"topic": f"https://other.example{HUB}/x"},
        {"topic": "/.well-known/%6Dercure/x"},
        {"topic": "/a/../.well-known/mercure"},
        {"topic": "mercure"},
        {"topic": f"x:{HUB}/a"},
        {"topic": "/.well-known/%2e%2e/.well-known/mercure"},
        {"topic": r"\.well-known\mercure\a"},
        {"topic": f" {HUB}/a"},
        {"topic": "a", "id": "#1"},
        {"topic": "a", "id": "earliest"},
        {"topic": "a", "id": "a\nb"},
        {"topic": "a", "type": "mercure"},
        {"topic": "a", "type": "a\x7fb"},
        {"topic": "a", "retry": "-1"},
        {"topic": "a", "retry": "٣"},
    ],
    ids=str,
)
def test_invalid_update_is_400(publish, fields):
    assert publish(**fields).status_code == 400


@pytest.mark.parametrize("topic", ["/.well-known/mercurex", "http://[", "urn:mercure"])
def test_topic_outside_of_the_reserved_namespace_is_accepted(publish, topic):
    assert publish(topic).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"topic": "a", "data": "ü" * 5_000},
        {"topic": "a" * 1_025},
        {"topic": [str(number) for number in range(101)]},
        {"topic": "a", "unknown": "x" * 200_000},
    ],
    ids=["data", "topic", "topics", "body"],
)
def test_update_that_is_too_large_is_413(publish, fields):
    assert publish(**fields).status_code == 413


@pytest.mark.parametrize("body", ["topic=%FF", b"topic=\xff"])
def test_body_that_is_not_utf_8_is_400(client, body):
    response = client.post(HUB, body, content_type=FORM, headers=bearer(ALL))

    assert response.status_code == 400


def test_body_of_another_type_is_400(client):
    response = client.post(HUB, {"topic": "a"}, headers=bearer(ALL))

    assert response.status_code == 400


def test_publisher_needs_a_grant_for_every_topic(publish):
    token = token_for("a", {"match": "/b/:id", "match_type": "urlpattern"})

    assert publish(["a", "/b/1"], token=token).status_code == 200
    for topic in (["a", "c"], "c"):
        refused = publish(topic, token=token)
        assert refused.status_code == 403
        assert 'error="insufficient_scope"' in refused["WWW-Authenticate"]


def test_grant_to_subscribe_is_not_one_to_publish(publish):
    token = token_for("*", actions=["subscribe", "delete"])

    assert publish("a", token=token).status_code == 403


def test_publisher_without_a_token_is_challenged(publish):
    refused = publish("a", token="")

    assert refused.status_code == 401
    metadata = "https://hub.example/.well-known/oauth-protected-resource" + HUB
    assert refused["WWW-Authenticate"] == f'Bearer resource_metadata="{metadata}"'


@pytest.mark.parametrize("method", ["put", "delete", "head", "patch"])
def test_other_method_is_405(client, method):
    response = getattr(client, method)(f"{HUB}?match=a")

    assert response.status_code == 405
    assert "GET" in response["Allow"]


def test_site_publishes_without_a_token(subscribe):
    reader = subscribe({"match": "a"})

    published = publish_update("a", "1", type="changed")

    event = reader.next()
    assert (event.id, event.data, event.event) == (published, "1", "changed")


def test_update_of_the_site_is_checked(site):
    with pytest.raises(InvalidValue):
        publish_update("*")
    site.MERCURE = None
    with pytest.raises(InvalidValue):
        publish_update("a")
