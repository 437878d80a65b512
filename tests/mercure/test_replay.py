"""Replay: the updates after an id, and what the response says of it."""

import pytest

from notifications.live.hub import shared_hub

HEADER = "Mercure-Last-Event-ID"


@pytest.mark.parametrize("given", ["", "urn:uuid:1", "tag:ü"])
def test_updates_after_an_id_are_replayed_once_and_in_order(subscribe, publish, given):
    first = publish("a", "1", id=given).content.decode()
    publish("a", "2", id="urn:uuid:2")
    publish("b", "of another topic")
    publish("a", "3")

    reader = subscribe({"match": "a", "last_event_id": first})
    publish("a", "4")

    assert [reader.next().data for _ in range(3)] == ["2", "3", "4"]
    assert reader.response[HEADER].encode("latin-1").decode() == first


def test_header_wins_over_the_parameter(subscribe, publish):
    ids = [publish("a", str(number)).content.decode() for number in range(3)]

    reader = subscribe(
        {"match": "a", "last_event_id": ids[0]}, headers={"Last-Event-ID": ids[1]}
    )

    assert reader.next().data == "2"


def test_earliest_replays_all(subscribe, publish):
    publish("a", "1")
    publish("a", "2")

    reader = subscribe({"match": "a", "last_event_id": "earliest"})

    assert [reader.next().data for _ in range(2)] == ["1", "2"]
    assert reader.response[HEADER] == "earliest"


@pytest.mark.parametrize("unknown", ["urn:uuid:9", "#1-0", "#x", "", "1-0"])
def test_unknown_id_is_answered_with_earliest(subscribe, publish, unknown):
    publish("a", "1")

    reader = subscribe({"match": "a", "last_event_id": unknown})
    publish("a", "2")

    assert reader.response[HEADER] == "earliest"
    assert reader.next().data == "2"


def test_response_has_no_id_unless_one_was_requested(open_hub):
    assert HEADER not in open_hub("match=a")


def test_repeated_id_stands_for_its_first_update(subscribe, publish):
    for data in ("1", "2", "3"):
        publish("a", data, id="same")

    reader = subscribe({"match": "a", "last_event_id": "same"})

    assert [reader.next().data for _ in range(2)] == ["2", "3"]


def test_every_update_has_an_id_that_resumes(subscribe, publish):
    reader = subscribe({"match": "a"})
    published = publish("a", "1").content.decode()

    assert reader.next().id == published
    assert published.startswith("#")


def test_updates_that_memory_does_not_have_are_replayed_from_the_log(
    site, subscribe, publish
):
    site.NOTIFICATIONS = {**site.NOTIFICATIONS, "REPLAY_BUFFER_BYTES": 0}
    first = publish("a", "1").content.decode()
    publish("a", "secret", private="on")
    publish("b", "of another topic")
    publish("a", "2")

    exact = subscribe({"match": "a", "last_event_id": first})
    pattern = subscribe(
        {"match_urlpattern": "/.well-known/:name(a)", "last_event_id": first}
    )

    assert exact.next().data == "2"
    assert pattern.next().data == "2"


def test_gap_ends_the_stream(redis_client, log, open_hub):
    response = open_hub("match=a")
    redis_client.flushdb()
    log.position()

    assert b"event:" not in b"".join(response)
    assert shared_hub().connection_count == 0
