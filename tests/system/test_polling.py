"""Long polling against the real server: nothing lost, nothing twice."""

import os
import signal
import threading

import httpx
import pytest

from tests.http_client import http_client
from tests.system.server import Site, wait_for

POLL = "/notifications/poll/"
ENVIRONMENT = {
    "NOTIFICATIONS_POLL_TIMEOUT": "1",
    "NOTIFICATIONS_REDIS_TIMEOUT": "5",
}


@pytest.fixture(scope="module")
def site():
    with Site(workers=2, environment=ENVIRONMENT) as site:
        yield site


class Poller:
    """Polls until it is closed; after an error it polls again from the same cursor."""

    def __init__(self, site, session, **query):
        self.events = []
        self.unseen = query.get("unseen")
        self.errors = 0
        self._query = query
        self._ended = threading.Event()
        cookies = {"sessionid": session} if session else {}
        self._client = http_client(site.url, keep_alive=False, cookies=cookies)
        self._query["after"] = self._ask()["cursor"]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()
        self._client.close()

    @property
    def uids(self):
        return [
            each["data"]["uid"] for each in list(self.events) if "uid" in each["data"]
        ]

    def wait_for(self, uid):
        """Wait until this event has come."""
        wait_for(lambda: uid in self.uids, what=f"event {uid}")

    def _ask(self):
        response = self._client.get(POLL, params=self._query)
        response.raise_for_status()
        return response.json()

    def _run(self):
        while not self._ended.is_set():
            try:
                found = self._ask()
            except httpx.HTTPError:
                self.errors += 1
                continue
            self.events += found["events"]
            self._query["after"] = found["cursor"]
            for each in found["events"]:
                if each["event"] == "count":
                    self.unseen = self._query["unseen"] = each["data"]["unseen"]


def test_killed_worker_loses_no_event_of_a_poll(site, publisher, members):
    [topic] = members.make_topics(1)
    with (
        Poller(site, "", topic=topic) as first,
        Poller(site, "", topic=topic) as second,
    ):
        for number in range(60):
            if number == 20:
                os.kill(site.workers()[0], signal.SIGKILL)
            publisher.publish(topic)
        expected = publisher.uids[-60:]
        first.wait_for(expected[-1])
        second.wait_for(expected[-1])

    assert first.uids == second.uids == expected


def test_polled_count_equals_the_count_of_the_inbox(site, publisher, members):
    [topic] = members.make_topics(1)
    [member] = members.join(1)
    members.follow(member, topic)
    with Poller(site, member.session, unseen=0) as poller:
        for _ in range(7):
            last = publisher.publish(topic)
        poller.wait_for(last)
        wait_for(lambda: poller.unseen == 7, what="the bell to say 7")
