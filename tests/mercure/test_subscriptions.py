"""Active subscriptions: the updates about them, and the API that lists them."""

import json
from itertools import count
from urllib.parse import quote

import pytest

from notifications.exceptions import LogUnavailable
from notifications.live.connection import State
from notifications.log.stream import shared_log
from notifications.mercure.active import ActiveSubscription
from notifications.mercure.conf import mercure_settings
from notifications.mercure.matchers import EXACT
from notifications.mercure.tracker import Tracker, shared_tracker
from tests.mercure.conftest import ALL, HUB, bearer, claims_for, detail, sign, token_for
from tests.system.server import wait_for

PATH = f"{HUB}/subscriptions"
BOOK = "https://example.com/books/1"
BOOKS = "https://example.com/books/:id"


@pytest.fixture(autouse=True)
def tracking(site):
    site.MERCURE = {**site.MERCURE, "SUBSCRIPTIONS": True}


@pytest.fixture
def get(client):
    """A function that asks the API, and returns the response."""
    return lambda path=PATH, token=ALL: client.get(
        path, headers=bearer(token) if token else {}
    )


@pytest.fixture
def watcher(subscribe):
    """A subscriber to the updates about subscriptions to books."""
    matcher = f"{PATH}/:type/https*/:subscriber"
    return subscribe({"match_urlpattern": matcher}, token=ALL)


@pytest.fixture
def listed(get):
    """A function that waits for so many subscriptions to be listed."""

    def listed(number, path=PATH):
        wait_for(
            lambda: len(get(path).json()["subscriptions"]) == number,
            what=f"{number} subscriptions",
        )
        return get(path).json()["subscriptions"]

    return listed


def told(reader):
    """Return the next update about a subscription, decoded."""
    event = reader.next()
    assert event.event == "mercure"
    return json.loads(event.data)


def test_start_and_end_of_a_subscription_are_told(subscribe, watcher):
    payloads = [
        detail({"match": "other"}, payload={"for": "another"}),
        detail({"match": BOOKS, "match_type": "urlpattern"}, payload={"for": "these"}),
        detail("*", payload={"for": "all"}),
    ]
    token = sign(claims_for(*payloads))
    reader = subscribe({"match_urlpattern": BOOKS}, token=token)

    started = told(watcher)
    reader.response.close()
    ended = told(watcher)

    subscriber = started["subscriber"]
    assert subscriber.startswith("urn:uuid:")
    parts = ("urlpattern", BOOKS, subscriber)
    assert started == {
        "id": "/".join([PATH, *(quote(each, safe="") for each in parts)]),
        "type": "subscription",
        "match_type": "urlpattern",
        "match": BOOKS,
        "subscriber": subscriber,
        "active": True,
        "payload": {"for": "these"},
    }
    assert ended == {**started, "active": False}


def test_each_matcher_is_a_subscription_of_the_same_subscriber(subscribe, watcher):
    subscribe({"match": [BOOK, BOOK], "match_urlpattern": BOOKS})

    found = [told(watcher) for _ in range(2)]

    assert {each["match_type"] for each in found} == {"exact", "urlpattern"}
    assert len({each["subscriber"] for each in found}) == 1
    assert "payload" not in found[0]


def test_updates_about_subscriptions_need_a_grant(subscribe, publish, watcher):
    query = {"match": "*"}
    anonymous = subscribe(query)
    other = subscribe(query, token=token_for(BOOK, actions=["subscribe"]))
    subscribe({"match": BOOK})
    assert told(watcher)["active"]

    publish(BOOK, "public")

    for reader in (anonymous, other):
        assert reader.next().data == "public"


def test_collections_and_single_subscriptions_are_listed(subscribe, get, listed):
    first = subscribe({"match": BOOK, "match_urlpattern": BOOKS})
    subscribe({"match": BOOK})
    assert len(listed(3)) == 3

    path = f"{PATH}/exact/{quote(BOOK, safe='')}"
    found = listed(2, path)
    response = get(found[0]["id"])

    assert response.json() == found[0]
    assert get(path).json()["id"] == path
    assert get(path).json()["type"] == "subscriptions"
    assert listed(0, f"{PATH}/urlpattern/{quote(BOOK, safe='')}") == []
    first.response.close()
    assert [each["match"] for each in listed(1)] == [BOOK]


def test_responses_link_to_the_hub_with_a_cursor_that_misses_nothing(
    subscribe, get, listed
):
    subscribe({"match": BOOK})
    [before] = listed(1)
    response = get(before["id"])

    link, *attributes = response["Link"].split("; ")
    assert (link, attributes[0]) == (f"<{mercure_settings().url}>", 'rel="mercure"')
    assert attributes[2:] == ['type="mercure"', 'content-type="application/json"']
    last_id = attributes[1].removeprefix('last-event-id="').removesuffix('"')
    assert response["Content-Type"] == "application/json"
    subscribe({"match": "later"})
    listed(2)
    topic = f"{PATH}/:type/:match/:subscriber"
    query = {"match_urlpattern": topic, "last_event_id": last_id}
    later = told(subscribe(query, token=ALL))
    assert (later["match"], later["active"]) == ("later", True)


def test_api_needs_a_grant_for_what_is_requested(subscribe, get, listed):
    subscribe({"match": BOOK})
    [found] = listed(1)
    collection = f"{PATH}/exact/{quote(BOOK, safe='')}"
    pattern = {"match": f"{PATH}/exact/:match{{/:one}}?", "match_type": "urlpattern"}

    for path in (PATH, collection, found["id"]):
        refused = get(path, token="")
        assert refused.status_code == 401
        assert "resource_metadata" in refused["WWW-Authenticate"]
        for token in (token_for(BOOK), token_for(path, actions=["publish"])):
            assert get(path, token=token).status_code == 403
        assert get(path, token=token_for(path)).status_code == 200
    assert get(PATH, token=token_for(collection)).status_code == 403
    assert get(collection, token=token_for(pattern)).status_code == 200
    assert get(found["id"], token=token_for(pattern)).status_code == 200
    assert get(f"{PATH}/urlpattern/a", token=token_for(pattern)).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        f"{PATH}/",
        f"{PATH}/exact",
        f"{PATH}/exact/a/urn%3Auuid%3A00000000-0000-0000-0000-000000000000",
    ],
)
def test_what_does_not_exist_is_404(get, path):
    assert get(path).status_code == 404


def test_api_of_a_hub_that_does_not_track_is_404(site, get, subscribe, publish):
    site.MERCURE = {**site.MERCURE, "SUBSCRIPTIONS": False}
    everything = subscribe({"match": "*"}, token=ALL)
    other = subscribe({"match": BOOK})
    connection = other.response.stream.connection

    publish(BOOK, "update")

    assert get().status_code == 404
    assert everything.next().data == "update"
    assert connection.on_close is None


def test_metadata_tells_that_the_hub_tracks(site, client):
    path = f"/.well-known/oauth-protected-resource{HUB}"
    assert client.get(path).json()["mercure_subscriptions"] is True

    site.MERCURE = {**site.MERCURE, "SUBSCRIPTIONS": False}

    assert "mercure_subscriptions" not in client.get(path).json()


def test_page_of_a_trusted_origin_may_read_the_link(client):
    headers = {**bearer(ALL), "Origin": "https://page.example"}

    response = client.get(PATH, headers=headers)

    assert response["Access-Control-Allow-Origin"] == "https://page.example"
    assert "Link" in response["Access-Control-Expose-Headers"]


class Stub:
    """A connection for the tracker."""

    state = State.OPEN
    on_close = None


SUBSCRIPTIONS = (ActiveSubscription(EXACT, BOOK),)


@pytest.fixture
def other(log):
    """The tracker of another process, whose thread does not run."""
    other = Tracker(shared_log(), clock=count().__next__)
    other.start = lambda: None
    return other


def test_what_a_lost_process_leaves_is_ended(redis_client, other, watcher, listed):
    other.add(Stub(), SUBSCRIPTIONS)
    other.update(mercure_settings())
    assert told(watcher)["active"]
    listed(2)

    expire(redis_client, other)

    assert not told(watcher)["active"]
    listed(1)


def expire(redis_client, tracker):
    """Let the process of a tracker count as lost."""
    [key] = redis_client.keys(f"*:mercure:alive:{tracker._process}")
    redis_client.delete(key)


def test_process_that_was_taken_for_lost_tells_again(redis_client, other, watcher, get):
    other.add(Stub(), SUBSCRIPTIONS)
    other.update(mercure_settings())
    first = told(watcher)
    expire(redis_client, other)
    assert not told(watcher)["active"]

    def is_listed_again():
        other.update(mercure_settings())
        return len(get().json()["subscriptions"]) == 2

    # The other process may still be about to delete what it has ended.
    wait_for(is_listed_again, what="the subscription to be listed again")

    assert told(watcher) == first


def test_changes_while_redis_is_away_are_told_later(link, other, watcher):
    connection = Stub()
    other.add(connection, SUBSCRIPTIONS)
    link.cut()
    with pytest.raises(LogUnavailable):
        other.update(mercure_settings())
    connection.on_close()
    link.mend()

    other.update(mercure_settings())

    assert [told(watcher)["active"] for _ in range(2)] == [True, False]


def test_flood_of_subscriptions_is_told_slowly(log, other, monkeypatch):
    clock = iter([0.0, 0.0, 0.05, 10.0, 10.0])
    monkeypatch.setattr(other, "_clock", lambda: next(clock))
    for _ in range(120):
        other.add(Stub(), SUBSCRIPTIONS)
    counts = []

    for _ in range(3):
        other.update(mercure_settings())
        counts.append(len(other._told))

    assert counts == [50, 50, 100]


def test_subscribers_that_came_and_left_before_they_are_told_are_limited(log):
    tracker = Tracker(shared_log(), untold_limit=10)
    tracker.start = lambda: None
    for _ in range(30):
        connection = Stub()
        tracker.add(connection, SUBSCRIPTIONS)
        connection.on_close()

    assert len(tracker._untold) == 10
    assert tracker._active == {}


def test_connection_that_is_closed_before_it_is_tracked_is_ended(log):
    tracker = shared_tracker()
    connection = Stub()
    connection.state = State.CLOSED

    tracker.add(connection, SUBSCRIPTIONS)

    assert tracker._active == {}
