"""What is sent in order to get at more, to take the hub down, or to get a 500."""

import base64
import hashlib
import hmac
import io
import json

import pytest
from django.core.handlers.asgi import ASGIRequest

from notifications.exceptions import TooManyStreams
from notifications.live.subscriber import Subscriber
from notifications.live.transports import QueueTransport
from notifications.mercure.connection import MercureConnection
from notifications.mercure.grants import NO_GRANTS
from notifications.mercure.matchers import TEMPLATE, URL_PATTERN, Matcher
from notifications.mercure.pattern_cost import cost_of
from notifications.mercure.selection import SUBSCRIBER_COST, Patterns, Selection
from notifications.mercure.subscribing import query_of
from notifications.protocol.frames import Batch, without_cursor
from tests.mercure.conftest import ALL, BASE, SECRET, claims_for, detail


@pytest.mark.parametrize(
    "pattern",
    [
        r"/(\w{100})",
        r"/((?:\w{9}){9})",
        r"/((?x)\w {100})",
        r"/(\w{2}{50})",
        r"/(\w+{50})",
        r"/([[a]\w]{50})",
        r"/([]\w]{50})",
        r"/(\pL{60})",
        r"/(\p{L}{60})",
        r"/(a{600})",
        r"/(\d{1,100})",
        "/" + r"(\w)" * 6,
    ],
)
def test_expensive_pattern_is_400_before_it_is_compiled(open_hub, pattern):
    assert open_hub({"match_urlpattern": pattern}).status_code == 400


@pytest.mark.parametrize(
    "pattern",
    [
        "/books/:id",
        r"/archive/:year(\d{4})-:month(\d{2})",
        "/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
        r"/:slug([\w-]+)",
        "/books/((?:a|b)c)",
        "/old/{2020}?/*",
    ],
)
def test_usual_pattern_is_cheap(pattern):
    assert cost_of(Matcher(URL_PATTERN, pattern)) < SUBSCRIBER_COST / 3


def test_many_patterns_are_400(open_hub):
    patterns = [f"/books/{number}/:id" for number in range(100)]

    assert open_hub({"match_urlpattern": patterns[:40]}).status_code == 200
    assert open_hub({"match_urlpattern": patterns}).status_code == 400


def test_patterns_of_all_subscribers_together_are_limited():
    patterns = Patterns(limit=250)
    first, second, third = (Matcher(TEMPLATE, f"/{n}/{{id}}") for n in range(3))
    held = [patterns.get(each, BASE, cost=100) for each in (first, second)]

    with pytest.raises(TooManyStreams):
        patterns.get(third, BASE, cost=100)
    assert patterns.get(first, BASE, cost=100) is held[0]
    held.clear()
    assert patterns.get(third, BASE, cost=100).matches("/2/a")


def segment(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def signed(header, claims):
    """Return a token of these texts, which need not be valid JSON."""
    text = f"{segment(header)}.{segment(claims)}"
    signature = hmac.digest(SECRET.encode(), text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def of_claims(*details, **changed):
    """Return a token of claims that libraries refuse to sign."""
    return signed(HEADER, json.dumps(claims_for(*details, **changed)))


HEADER = '{"alg": "HS256", "typ": "at+jwt"}'
DEEP = '{"a": ' + "[" * 5_000 + "]" * 5_000 + "}"


@pytest.mark.parametrize(
    "token",
    [
        signed(DEEP, "{}"),
        signed(HEADER, DEEP),
        signed(HEADER, "[]"),
        signed("[]", "{}"),
        signed('{"alg": "HS256", "typ": []}', "{}"),
        signed('{"alg": ["HS256"], "typ": "at+jwt"}', "{}"),
        of_claims(detail("*"), iss=["a"]),
        of_claims(detail("*"), exp=float("inf")),
        of_claims(detail("*"), exp=float("nan")),
        of_claims(detail("*"), exp="soon"),
        of_claims(detail("*"), aud={"a": 1}),
        of_claims(detail({"match": "a", "match_type": ["exact"]})),
        of_claims(detail({"match": "a\ud800"})),
        "a.b.c",
        "ü",
    ],
    ids=range(15),
)
def test_token_that_is_not_one_is_401(publish, open_hub, token):
    assert publish("a", token=token).status_code == 401
    assert open_hub("match=a", token=token).status_code == 401


@pytest.mark.parametrize("origin", ["http://[", "https://hub.example.evil", ""])
def test_origin_of_another_kind_is_403(client, publish, origin):
    client.cookies["__Secure-mercure_access_token"] = ALL

    assert publish("a", token="", headers={"Origin": origin}).status_code == 403


def test_hub_trusts_its_own_origin_behind_a_proxy(client, publish):
    client.cookies["__Secure-mercure_access_token"] = ALL
    headers = {"Origin": "https://hub.example"}

    assert publish("a", token="", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [{"x": ["y"] * 2_000}, {"retry": "1" * 11}, {"id": "i" * 1_025}],
    ids=["fields", "retry", "id"],
)
def test_larger_form_is_413(publish, fields):
    assert publish("a", **fields).status_code == 413


@pytest.mark.parametrize(
    "last_id", ["a\r\nSet-Cookie: b=c", "\x00", "a" * 5_000, "#1-0\n", "#", "#٣-0"]
)
def test_strange_id_is_only_unknown(open_hub, last_id):
    response = open_hub({"match": "a", "last_event_id": last_id})

    assert response.status_code == 200
    assert response["Mercure-Last-Event-ID"] == "earliest"


def test_query_of_an_asgi_server_is_in_utf_8():
    query = "match=%C3%BC&match=ü".encode()
    scope = {"method": "GET", "path": "/", "headers": [], "query_string": query}

    assert query_of(ASGIRequest(scope, io.BytesIO())) == [("match", "ü")] * 2


def test_nothing_is_sent_after_the_token_has_expired():
    queue = QueueTransport()
    connection = MercureConnection(
        Subscriber(), queue, selection=Selection([], BASE), grants=NO_GRANTS
    )
    connection.send(Batch([without_cursor(b"data: a\n\n")]))

    connection.close("expired", drain=True)

    assert queue.take(seconds=0) == []


def test_matching_does_not_depend_on_what_was_matched_before():
    selection = Selection([Matcher(URL_PATTERN, "/books/:id")], BASE)

    for number in range(200):
        assert selection.selects([f"/others/{number}", f"/books/{number}"])
        assert not selection.selects([f"/others/{number}", "/books/1/2"])
