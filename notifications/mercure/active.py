"""Active subscriptions: their documents, topics and stored form. No I/O."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec

from notifications.mercure.conf import MercureSettings
from notifications.mercure.grants import Grants
from notifications.mercure.matchers import Matcher
from notifications.mercure.terms import HUB_TYPE
from notifications.protocol.entries import UpdateEntry
from notifications.protocol.topics import of_mercure

PATH = "/subscriptions"
# The form of the identifiers that `new_subscriber` makes.
SUBSCRIBER = re.compile(r"urn:uuid:[0-9a-f-]{36}")


class ActiveSubscription(msgspec.Struct, frozen=True, array_like=True):
    """A subscription: its matcher, and what the subscriber's token says of it."""

    match_type: str
    match: str
    payload: Mapping[str, Any] | None = None


Subscriptions = tuple[ActiveSubscription, ...]


def subscriptions_of(matchers: Iterable[Matcher], grants: Grants) -> Subscriptions:
    """Return the subscriptions that these matchers are."""
    return tuple(
        ActiveSubscription(each.type, each.pattern, grants.payload_for(each.pattern))
        for each in matchers
    )


def new_subscriber() -> str:
    """Return a random identifier, which no client can choose."""
    return f"urn:uuid:{uuid4()}"


def stored(subscriptions: Subscriptions) -> bytes:
    """Return the bytes that stand for the subscriptions of a subscriber."""
    return msgspec.json.encode(subscriptions)


def loaded(body: bytes) -> Subscriptions:
    """Return the subscriptions in what `stored` returned."""
    return _decoder.decode(body)


_decoder = msgspec.json.Decoder(Subscriptions)


def path_of(hub: MercureSettings, *parts: str) -> str:
    """Return the path of the hub's own resource that has these parts.

    Each is encoded once and as a whole: RFC 6570, 3.2.2.
    """
    return "/".join([hub.path + PATH, *(quote(each, safe="") for each in parts)])


def document(
    subscriber: str, each: ActiveSubscription, hub: MercureSettings, *, active: bool
) -> dict[str, Any]:
    """Return the document that describes a subscription."""
    found = {
        "id": path_of(hub, each.match_type, each.match, subscriber),
        "type": "subscription",
        "match_type": each.match_type,
        "match": each.match,
        "subscriber": subscriber,
        "active": active,
    }
    return found if each.payload is None else {**found, "payload": each.payload}


def entry(
    subscriber: str,
    each: ActiveSubscription,
    hub: MercureSettings,
    *,
    active: bool,
    uid: str,
) -> UpdateEntry:
    """Return the private update that tells of a subscription's start or end."""
    found = document(subscriber, each, hub, active=active)
    return UpdateEntry(
        uid=uid,
        topics=(of_mercure(found["id"]),),
        data=msgspec.json.encode(found).decode(),
        type=HUB_TYPE,
        private=True,
    )
