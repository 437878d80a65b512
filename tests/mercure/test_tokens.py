"""Tokens: which are valid, how they are presented, and how legacy ones are."""

import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.mercure.conftest import (
    ALL,
    ISSUER,
    LEGACY_SECRET,
    SECRET,
    claims_for,
    detail,
    sign,
    token_for,
)

PAST, FUTURE = int(time.time()) - 600, int(time.time()) + 600
INVALID = {
    "no token": "abc",
    "another key": sign(claims_for(detail("*")), key="x" * 32),
    "no type": sign(claims_for(detail("*")), typ=None),
    "another type": sign(claims_for(detail("*")), typ="JWT"),
    "another algorithm": sign(claims_for(detail("*")), key="x" * 64, algorithm="HS512"),
    "no algorithm": sign(claims_for(detail("*")), key=None, algorithm="none"),
    "expired": sign(claims_for(detail("*"), exp=PAST)),
    "not yet valid": sign(claims_for(detail("*"), nbf=FUTURE)),
    "another audience": sign(claims_for(detail("*"), aud="https://other.example")),
    "another issuer": sign(claims_for(detail("*"), iss="https://other.example")),
    **{
        f"without {name}": sign(
            {k: v for k, v in claims_for(detail("*")).items() if k != name}
        )
        for name in ("exp", "aud", "iss")
    },
    "details of another form": sign(claims_for(authorization_details={})),
    "actions of another form": sign(claims_for(detail("*", actions=[1]))),
    "no actions": sign(claims_for(detail("*", actions=[]))),
    "no topics": sign(claims_for(detail("*"), detail())),
    "topic of another form": sign(claims_for(detail("*"), detail({"topic": "a"}))),
    "unknown matcher": token_for("*", {"match": "a", "match_type": "regexp"}),
    "invalid pattern": token_for("*", {"match": "/(", "match_type": "urlpattern"}),
    "payload of another form": token_for("*", payload=[]),
    "too many topics": token_for("*", *map(str, range(100))),
    "too many details": sign(claims_for(*[detail("*")] * 51)),
    "too long": sign(claims_for(detail("*"), more="x" * 20_000)),
}


@pytest.mark.parametrize("token", INVALID.values(), ids=INVALID)
def test_invalid_token_is_401(publish, open_hub, token):
    for refused in (publish("a", token=token), open_hub("match=a", token=token)):
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused["WWW-Authenticate"]


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_type_is_compared_without_case_and_prefix(publish, typ):
    token = sign(claims_for(detail("*")), typ=typ)

    assert publish("a", token=token).status_code == 200


def test_audience_may_be_one_of_several(publish):
    audience = ["https://other.example", claims_for()["aud"]]
    token = sign(claims_for(detail("*"), aud=audience))

    assert publish("a", token=token).status_code == 200


def test_details_of_other_types_allow_nothing(publish):
    token = sign(claims_for({"type": "payment", "amount": 1}))

    assert publish("a", token=token).status_code == 403


def pem_of(key):
    """Return the public key of a pair, as the settings take it."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_keys_are_those_of_the_issuer_and_rotate(site, publish):
    mine, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    keys = {
        ISSUER: [
            {"ALGORITHM": "HS256", "KEY": SECRET},
            {"ALGORITHM": "ES256", "KEY": pem_of(mine).decode()},
        ],
        "https://two.example": [{"ALGORITHM": "ES256", "KEY": pem_of(other).decode()}],
    }
    site.MERCURE = {**site.MERCURE, "ISSUERS": keys}
    claims = claims_for(detail("*"))

    for key, status in ((mine, 200), (other, 401)):
        token = sign(claims, key=key, algorithm="ES256")
        assert publish("a", token=token).status_code == status
    assert publish("a", token=ALL).status_code == 200


def test_key_may_be_for_one_action_only(site, publish, open_hub):
    keys = [{"ALGORITHM": "HS256", "KEY": SECRET, "ACTIONS": ["subscribe"]}]
    site.MERCURE = {**site.MERCURE, "ISSUERS": {ISSUER: keys}}

    assert publish("a").status_code == 403
    assert open_hub("match=a", token=ALL).status_code == 200


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer "])
def test_header_without_a_bearer_token_is_400(publish, header):
    refused = publish("a", token="", headers={"Authorization": header})

    assert refused.status_code == 400
    assert 'error="invalid_request"' in refused["WWW-Authenticate"]


def test_scheme_is_compared_without_case(publish):
    headers = {"Authorization": f"bearer {ALL}"}

    assert publish("a", token="", headers=headers).status_code == 200


def test_token_in_the_url_is_not_accepted(subscribe, publish):
    query = {"match": "a", "authorization": ALL, "access_token": ALL}
    reader = subscribe(query)

    publish("a", "secret", private="on")
    publish("a", "public")

    assert reader.next().data == "public"


def test_cookie_of_a_subscriber(client, subscribe, publish):
    client.cookies["__Secure-mercure_access_token"] = token_for("a")
    reader = subscribe({"match": "a"})

    publish("a", "secret", private="on")

    assert reader.next().data == "secret"


def test_header_wins_over_the_cookie(client, publish):
    client.cookies["__Secure-mercure_access_token"] = "invalid"

    assert publish("a").status_code == 200
    assert publish("a", token="").status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Referer": "https://page.example.evil/"}, 403),
        ({"Origin": "https://page.example"}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({"Referer": "http://testserver/page/"}, 200),
    ],
    ids=str,
)
def test_cookie_of_a_publisher_needs_a_known_origin(client, publish, headers, status):
    client.cookies["__Secure-mercure_access_token"] = ALL

    assert publish("a", token="", headers=headers).status_code == status


def legacy_token(*, key=LEGACY_SECRET, **claims):
    return sign(claims, key=key, typ="JWT")


LEGACY = legacy_token(mercure={"publish": ["*"], "subscribe": ["/books/{id}"]})


def test_legacy_publisher_and_subscriber_work(legacy_site, client, subscribe, publish):
    query = {"topic": ["/books/{id}", "exact"], "authorization": LEGACY}
    by_parameter = subscribe(query)
    client.cookies["mercureAuthorization"] = LEGACY
    by_cookie = subscribe({"topic": "/books/{id}"})

    assert publish("/books/1/2", "other", token=LEGACY).status_code == 200
    first = publish("/books/1", "secret", private="on", token=LEGACY).content.decode()
    publish("/books/2", "next", token=LEGACY)

    for reader in (by_parameter, by_cookie):
        assert [reader.next().data for _ in range(2)] == ["secret", "next"]
    reader = subscribe({"topic": "/books/{id}", "lastEventID": first})
    assert reader.next().data == "next"
    assert reader.response["Last-Event-ID"] == first


def test_legacy_token_is_limited_to_its_topics(legacy_site, publish):
    token = legacy_token(mercure={"publish": ["a", "/b/{id}"]})

    assert publish(["a", "/b/1"], token=token).status_code == 200
    assert publish("c", token=token).status_code == 403
    for claims in ({"mercure": {"publish": []}}, {}):
        assert publish("a", token=legacy_token(**claims)).status_code == 403


@pytest.mark.parametrize(
    "token",
    [
        legacy_token(key="x" * 32, mercure={"publish": ["*"]}),
        legacy_token(mercure={"publish": ["*"]}, exp=PAST),
        legacy_token(mercure={"publish": "*"}),
        legacy_token(mercure=["*"]),
    ],
    ids=["key", "expired", "form", "claim"],
)
def test_invalid_legacy_token_is_401(legacy_site, publish, token):
    assert publish("a", token=token).status_code == 401


def test_legacy_site_accepts_the_specification_too(legacy_site, publish):
    assert publish("a").status_code == 200
