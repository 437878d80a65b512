"""Discovery: the links of a resource, and the hub's metadata."""

from types import SimpleNamespace

import pytest
from django.http import HttpResponse

from notifications.api import mercure_link, publish_update
from notifications.exceptions import InvalidValue
from tests.mercure.conftest import DETAIL, HUB, SECRET, URL
from tests.test_docs import code_blocks, read


def test_link_names_the_hub_and_the_last_update(log, publish, subscribe):
    publish("a", "shown")
    response = HttpResponse(headers={"Link": "</style.css>; rel=preload"})

    mercure_link(response, topic="/a")
    publish("a", "after")

    first, hub, topic = response["Link"].split(", ")
    assert first == "</style.css>; rel=preload"
    target, rel, last = hub.split("; ")
    assert (target, rel) == (f"<{URL}>", 'rel="mercure"')
    assert topic == '</a>; rel="self"'
    last_event_id = last.removeprefix('last-event-id="').removesuffix('"')
    reader = subscribe({"match": "a", "last_event_id": last_event_id})
    assert reader.next().data == "after"


def test_link_to_a_topic_is_encoded_as_a_url(log):
    response = HttpResponse()

    mercure_link(response, topic='https://example.com/büecher/">\n')

    assert response["Link"].endswith(
        '<https://example.com/b%C3%BCecher/%22%3E%0A>; rel="self"'
    )


def test_link_describes_the_updates(log):
    response = HttpResponse()

    mercure_link(response, event_type="changed", content_type="application/json")

    assert response["Link"].endswith(
        '; type="changed"; content-type="application/json"'
    )
    for wrong in ({"event_type": "mercure"}, {"content_type": 'a"; b="c'}):
        with pytest.raises(InvalidValue):
            mercure_link(response, **wrong)


def test_documented_cookie_authorizes_subscribers(site, monkeypatch, client, subscribe):
    monkeypatch.setenv("MERCURE_SECRET", SECRET)
    issuer = "https://example.com"
    keys = {**site.MERCURE["ISSUERS"], issuer: [{"ALGORITHM": "HS256", "KEY": SECRET}]}
    hub = f"{issuer}{HUB}"
    site.MERCURE = {**site.MERCURE, "URL": hub, "ISSUERS": keys}
    blocks = code_blocks(read("mercure.md"), "python")
    [code] = [each for each in blocks if "set_cookie" in each]
    names = {}
    exec(code, names)

    response = names["page"](SimpleNamespace(user=SimpleNamespace(pk=7)))
    [cookie] = response.cookies.values()
    client.cookies[cookie.key] = cookie.value
    reader = subscribe({"match": "https://example.com/books/1"})
    publish_update("https://example.com/books/1", "secret", private=True)

    assert reader.next().data == "secret"
    for attribute in ("Path=/.well-known/mercure", "Secure", "HttpOnly"):
        assert attribute in cookie.OutputString().split("; ")
    assert "SameSite=Strict" in cookie.OutputString()


def test_link_leaves_the_id_out_while_the_log_is_away(link):
    link.cut()
    response = HttpResponse()

    mercure_link(response)

    assert response["Link"] == f'<{URL}>; rel="mercure"'


def test_metadata_describes_the_hub(client):
    response = client.get(f"/.well-known/oauth-protected-resource{HUB}")

    found = response.json()
    assert response["Content-Type"] == "application/json"
    assert found["resource"] == URL
    assert found["authorization_details_types_supported"] == [DETAIL]
    assert found["bearer_methods_supported"] == ["header"]
    assert found["mercure_cookie"] == "__Secure-mercure_access_token"
    assert found["mercure_matcher_types_supported"] == ["exact", "urlpattern"]
