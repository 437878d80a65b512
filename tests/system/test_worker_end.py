"""Streams of a worker that stops: they end gradually, and resume in another."""

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass, field

import httpx
import pytest

from tests.effort import either
from tests.http_client import http_client
from tests.system.crowd import Crowd, wait_until_live
from tests.system.hooks import ENVIRONMENT
from tests.system.publisher import Publisher, due, published, wait_for_event
from tests.system.server import DEADLINE_SECONDS, Site, wait_for
from tests.system.topics import asking
from tests.system.transports import hijacked

MANY = either(120, thorough=300)
RATE = 100  # events a second
DRAIN_TIMEOUT = 2.0
RETRY_SECONDS = 1.0
# As in gunicorn.conf.py.
GRACEFUL_SECONDS = 5.0
ENDING = {
    **ENVIRONMENT,
    "NOTIFICATIONS_DRAIN_TIMEOUT": str(DRAIN_TIMEOUT),
    "NOTIFICATIONS_RETRY_INTERVAL": str(RETRY_SECONDS),
}


@pytest.fixture
def ending():
    """A site of its own, with a publisher and a crowd."""
    with (
        Site(workers=2, environment=ENDING) as site,
        Publisher(site) as publisher,
        Crowd(site) as crowd,
    ):
        yield site, publisher, crowd


def assert_each_got_what_is_due(site, publisher, streams, topic):
    """Publish a last event, and compare every stream with the database."""
    wait_for_event(streams, publisher.publish(topic))
    expected = due(published(site.database), {topic})
    assert [stream.uids for stream in streams] == [expected] * len(streams)
    assert not any(stream.named("reset") for stream in streams)


def close_reasons(streams):
    """Return the reason that the server gave for each end of a stream."""
    return [
        event.fields["reason"]
        for stream in streams
        for event in stream.named("server_closed")
    ]


@hijacked
def test_stopping_server_ends_its_streams_gradually(ending, topic):
    site, publisher, crowd = ending
    streams = [crowd.open(asking([topic])) for _ in range(MANY)]
    wait_until_live(streams)
    wait_for_event(streams, publisher.publish(topic))
    # How many had ended by when.
    ended = []

    def all_ended():
        ended.append((time.monotonic(), len(close_reasons(streams))))
        return ended[-1][1] == MANY

    os.kill(site.process.pid, signal.SIGTERM)
    wait_for(all_ended, what="the end of the streams")
    site.process.wait(2 * GRACEFUL_SECONDS)

    begun = next(moment for moment, count in ended if count)
    half = next(moment for moment, count in ended if count >= MANY / 2)
    assert close_reasons(streams) == ["stopped"] * MANY
    assert ended[-1][0] - begun > DRAIN_TIMEOUT / 2
    assert half - begun > DRAIN_TIMEOUT / 4
    retries = [stream._retry for stream in streams]
    assert min(retries) >= 1
    assert max(retries) <= 1 + 2 * RETRY_SECONDS
    assert len({*retries}) > MANY / 2

    site.process = None
    site.start()
    publisher.publish(topic)
    wait_until_live(streams)
    assert_each_got_what_is_due(site, publisher, streams, topic)


@hijacked
def test_stopping_server_does_not_wait_for_a_client_that_reads_nothing(ending, topic):
    site, publisher, crowd = ending
    slow = [crowd.open(asking([topic]), receive_bytes=1) for _ in range(10)]
    wait_until_live(slow)
    crowd.pause(*slow)
    for _ in range(20):
        publisher.ask(topic, title="x" * 4_000)
    publisher.wait()

    os.kill(site.process.pid, signal.SIGTERM)

    assert site.process.wait(2 * GRACEFUL_SECONDS) == 0
    site.process = None
    assert "Traceback" not in site.output.read_text()


@dataclass
class Visitor:
    """Loads one page after the other, each on a new connection."""

    site: Site
    statuses: list[int] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    @contextlib.contextmanager
    def browsing(self):
        stopping = threading.Event()
        thread = threading.Thread(target=self._run, args=[stopping], daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(DEADLINE_SECONDS)

    def _run(self, stopping):
        with http_client(self.site.url, keep_alive=False) as client:
            while not stopping.wait(0.02):
                try:
                    answer = client.get("/", headers={"Connection": "close"})
                    self.statuses.append(answer.status_code)
                except httpx.HTTPError as fault:
                    self.faults.append(fault)


@hijacked
def test_streams_resume_after_a_reload_of_the_server(ending, topic):
    site, publisher, crowd = ending
    streams = [crowd.open(asking([topic])) for _ in range(MANY)]
    wait_until_live(streams)
    old = site.workers()
    visitor = Visitor(site)

    with visitor.browsing(), publisher.steadily(RATE, lambda _: [topic]):
        before = len(publisher.uids)
        wait_for(lambda: len(publisher.uids) > before + RATE, what="events")
        os.kill(site.process.pid, signal.SIGHUP)
        wait_for(
            lambda: not {*old} & {*site.workers()},
            what="the end of the old workers",
        )
        wait_for(
            lambda: all(stream.attached == 2 for stream in streams),
            what="the streams to reconnect",
        )
        before = len(publisher.uids)
        wait_for(lambda: len(publisher.uids) > before + RATE, what="events")

    assert_each_got_what_is_due(site, publisher, streams, topic)
    assert close_reasons(streams) == ["stopped"] * MANY
    assert {tuple(stream.statuses) for stream in streams} == {(200, 200)}
    assert visitor.faults == []
    assert {*visitor.statuses} == {200}
    assert "Traceback" not in site.output.read_text()
