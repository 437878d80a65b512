"""Fixtures: a site with the hub, its publishers and its subscribers."""

import time
from urllib.parse import urlencode

import jwt
import pytest

from tests.streaming import StreamReader

HUB = "/.well-known/mercure"
URL = f"https://hub.example{HUB}"
BASE = URL
ISSUER = "https://issuer.example"
SECRET = "a shared secret of more than 32 bytes"
LEGACY_SECRET = "another secret of more than 32 bytes"
DETAIL = "https://mercure.rocks/authorization-detail"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def site(settings, db):
    settings.ROOT_URLCONF = "tests.mercure.urls"
    settings.MERCURE = {
        "URL": URL,
        "ISSUERS": {ISSUER: [{"ALGORITHM": "HS256", "KEY": SECRET}]},
        "ORIGINS": ["https://page.example"],
    }
    return settings


@pytest.fixture
def legacy_site(site):
    """A hub that takes the protocol from before the specification, too."""
    keys = [{"ALGORITHM": "HS256", "KEY": LEGACY_SECRET}]
    site.MERCURE = {**site.MERCURE, "LEGACY_KEYS": keys}
    return site


def detail(*topics, actions=("publish", "subscribe"), **others):
    """Return an authorization detail; topics are matchers, or texts to match."""
    matchers = [{"match": each} if isinstance(each, str) else each for each in topics]
    return {"type": DETAIL, "actions": list(actions), "topics": matchers, **others}


def claims_for(*details, **claims):
    """Return the claims of a token that has these authorization details."""
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": URL,
        "sub": "someone",
        "client_id": "tests",
        "iat": now,
        "exp": now + 600,
        "jti": "1",
        "authorization_details": list(details),
        **claims,
    }


def sign(claims, *, key=SECRET, algorithm="HS256", typ="at+jwt"):
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": typ})


def token_for(*topics, **others):
    """Return a token that may publish and receive updates of these topics."""
    return sign(claims_for(detail(*topics, **others)))


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


# A run of all tests takes longer than other tokens last.
ALL = sign(claims_for(detail("*"), exp=int(time.time()) + 86_400))


@pytest.fixture
def publish(log, client):
    """A function that posts an update and returns the response."""

    def publish(topic, data="", *, token=ALL, headers=None, **fields):
        form = urlencode({"topic": topic, "data": data, **fields}, doseq=True)
        headers = {**(bearer(token) if token else {}), **(headers or {})}
        return client.post(HUB, form, content_type=FORM, headers=headers)

    return publish


@pytest.fixture
def open_hub(log, client):
    """A function that opens a subscription; closed at the end of the test."""
    opened = []

    def open_hub(query, *, token="", headers=None):
        text = query if isinstance(query, str) else urlencode(query, doseq=True)
        headers = {**(bearer(token) if token else {}), **(headers or {})}
        response = client.get(f"{HUB}?{text}", headers=headers)
        opened.append(response)
        return response

    yield open_hub
    for response in opened:
        response.close()


@pytest.fixture
def subscribe(open_hub):
    """A function that opens a subscription and returns the reader of its stream."""
    return lambda query, **options: StreamReader(open_hub(query, **options))
