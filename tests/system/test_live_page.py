"""The admin's page "Live", of a site with two processes."""

import os
import signal

import httpx
import pytest

from tests.system.crowd import STREAM, wait_until_live
from tests.system.processes import most_redis_clients, redis_clients, served
from tests.system.server import wait_for

LIVE = "/admin/notifications/event/live/"
STREAMS = 12


@pytest.fixture
def staff(site, people):
    """A superuser."""
    [person] = people("staff")
    site.shell(
        "from django.contrib.auth.models import User\n"
        "User.objects.filter(username='staff').update("
        "is_staff=True, is_superuser=True)"
    )
    return person


def read(person):
    """Return the page's data as its script gets it."""
    headers = {"Accept": "application/json"}
    try:
        response = person.client.get(LIVE, headers=headers)
    except httpx.TransportError:
        # The connection was of the killed process.
        response = person.client.get(LIVE, headers=headers)
    return response.raise_for_status().json()


def streams_by_process(person):
    """Return how many streams each process has, by its id."""
    return {
        each["process"]["value"]: each["streams"]["value"]
        for each in read(person)["processes"].values()
    }


def test_page_shows_processes_and_their_streams_until_they_die(site, staff, crowd):
    streams = [crowd.open(f"{STREAM}?topic=topic:espresso") for _ in range(STREAMS)]
    wait_until_live(streams)

    def as_it_is():
        counts = served(site, {stream.port for stream in streams})
        return dict(zip(site.workers(), counts, strict=True))

    wait_for(
        lambda: streams_by_process(staff) == as_it_is(), what="both with their streams"
    )
    assert sum(as_it_is().values()) == STREAMS
    assert redis_clients(site) <= most_redis_clients(site)

    victim, other = site.workers()
    os.kill(victim, signal.SIGKILL)

    wait_for(lambda: victim not in streams_by_process(staff), what="one to vanish")
    wait_until_live(streams)
    wait_for(
        lambda: streams_by_process(staff) == as_it_is(), what="the one in its place"
    )
    assert other in streams_by_process(staff)
    assert read(staff)["problems"] == []


def test_page_counts_events_and_deliveries(site, staff, crowd, publisher):
    streams = [crowd.open(f"{STREAM}?topic=topic:filter") for _ in range(STREAMS)]
    wait_until_live(streams)

    stats = {}

    def counts_deliveries():
        stats.update(read(staff)["stats"])
        return stats["deliveries"]["value"] > STREAMS

    with publisher.steadily(20, lambda number: ["topic:filter"]):
        wait_for(counts_deliveries, what="deliveries")

    assert stats["events"]["value"] > 0
    assert stats["lag"]["value"] >= 0


def test_page_reports_a_missing_redis_until_it_returns(site, staff):
    wait_for(lambda: read(staff)["processes"], what="reports")

    site.redis.stop()
    wait_for(lambda: read(staff)["problems"], what="the problem")
    away = read(staff)
    site.redis.ensure_running(timeout=10)

    assert away["stats"]["redis"] == {
        "value": False, "text": "unreachable", "note": "", "alarm": True,
    }  # fmt: skip
    assert away["stats"]["pending"]["value"] == 0
    wait_for(
        lambda: not read(staff)["problems"] and read(staff)["processes"],
        what="reports again",
    )
