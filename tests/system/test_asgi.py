"""The guarantees under ASGI servers: uvicorn in full, others where they may differ."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.effort import either
from tests.http_client import http_client
from tests.interop import hub
from tests.interop.program_clients import curl
from tests.system.asgi_site import DAPHNE, HYPERCORN, AsgiSite
from tests.system.crowd import Crowd, wait_until_live
from tests.system.eventsource import Received
from tests.system.faults import FAST, PATIENT
from tests.system.processes import held
from tests.system.publisher import Publisher, due, published, wait_for_event
from tests.system.server import DEADLINE_SECONDS, wait_for
from tests.system.topics import asking, new_names, new_topics

ENVIRONMENT = {
    **FAST,
    **PATIENT,
    "NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS": "500",
    # They turn the hub of Mercure on.
    "DJANGO_SETTINGS_MODULE": "tests.interop.settings",
    "NOTIFICATIONS_DRAIN_TIMEOUT": "0.5",
}
POLL = "/notifications/poll/"
STREAMS = either(50, thorough=100)
# Those of the site and of the server, whatever the number of streams. A request has a
# thread of its own while it is made.
THREADS = 30


@pytest.fixture(scope="module")
def site():
    with AsgiSite(environment=ENVIRONMENT) as site:
        yield site


@pytest.fixture(autouse=True)
def running(site):
    if site.process is None:
        site.start()


def threads(site):
    [pid] = site.workers()
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def test_streams_hold_no_threads_and_end_with_their_clients(site, publisher, crowd):
    [topic] = new_topics(1)
    streams = [crowd.open(asking([topic])) for _ in range(STREAMS)]
    wait_until_live(streams)

    wait_for(lambda: threads(site) < THREADS, what="the threads of requests to end")
    uid = publisher.publish(topic)
    wait_for_event(streams, uid)
    crowd.close(*streams)

    assert {tuple(stream.uids) for stream in streams} == {(uid,)}
    wait_for(lambda: not held(site), what="the sockets to be closed")


def test_stream_is_told_who_is_present(site, crowd):
    first, second = [crowd.open(asking(["room:asgi"])) for _ in range(2)]

    def told(stream):
        return [each.fields["count"] for each in stream.named("presence")][-1:]

    wait_for(lambda: told(first) == told(second) == [2], what="both")
    crowd.close(second)
    wait_for(lambda: told(first) == [1], what="the end of one")


def test_restarted_redis_and_broken_links_lose_no_event(site, publisher, crowd):
    topics = new_topics(4)
    streams = [(crowd.open(asking([topic])), {topic}) for topic in topics]
    wait_until_live(stream for stream, _ in streams)

    with publisher.steadily(50, lambda number: [topics[number % len(topics)]]):
        for stream, _ in streams:
            crowd.break_off(stream)
        wait_until_live(stream for stream, _ in streams)
        os.kill(site.redis.pid, signal.SIGKILL)
        wait_for(lambda: not site.redis.is_alive(), what="the end of Redis")
        site.redis.ensure_running(timeout=DEADLINE_SECONDS)
    last = publisher.publish(*topics)
    wait_for_event([stream for stream, _ in streams], last)

    events = published(site.database)
    for stream, topics in streams:
        assert stream.uids == due(events, topics)
        assert not stream.named("reset")


def test_killed_server_loses_no_event(site, publisher, crowd):
    [topic] = new_topics(1)
    stream = crowd.open(asking([topic]))
    wait_until_live([stream])

    before = publisher.publish(topic)
    wait_for_event([stream], before)
    site.stop(signal.SIGKILL)
    meanwhile = publisher.publish(topic)
    site.start()
    wait_for_event([stream], meanwhile)

    assert stream.uids == [before, meanwhile]


def test_sign_out_ends_the_streams_of_the_session(site, publisher, crowd, members):
    [topic] = members.make_topics(1)
    leaving, staying = members.join(2)
    for member in (leaving, staying):
        members.follow(member, topic)
    ending = crowd.open(session=leaving.session)
    other = crowd.open(session=staying.session)
    wait_until_live([ending, other])

    members.ask("POST", "/logout/", leaving)
    wait_for(lambda: ending.refused, what="the end of the stream")
    uid = publisher.publish(topic)
    wait_for_event([other], uid)

    [closed] = ending.named("server_closed")
    assert closed.fields == {"reason": "signed_out"}
    assert ending.uids == []
    assert other.attached == 1


def test_poll_waits_for_an_event(site, publisher):
    [topic] = new_topics(1)
    with http_client(site.url) as client, ThreadPoolExecutor(1) as pool:
        now = client.get(POLL, params={"topic": topic}).json()["cursor"]
        asked = {"topic": topic, "after": now}
        waiting = pool.submit(client.get, POLL, params=asked)
        uid = publisher.publish(topic)

        [event] = waiting.result(DEADLINE_SECONDS).json()["events"]
        assert event["data"]["uid"] == uid


def test_mercure_updates_reach_those_who_may_have_them_and_resume(site):
    [topic] = new_names(1)
    before = hub.publish(site, topic, "before")
    headers = {"Authorization": f"Bearer {hub.token_for(topic)}"}

    pattern = f"/.well-known/{topic}"

    with (
        curl(hub.asking(site, match=topic), before, headers=headers) as granted,
        curl(hub.asking(site, match_urlpattern=pattern), before) as other,
    ):
        secret = hub.publish(site, topic, "Grüße", private="on")
        assert next(granted) == Received("message", secret, "Grüße")
        public = hub.publish(site, topic, "2")

        for events in (granted, other):
            assert next(events) == Received("message", public, "2")
    with curl(hub.asking(site, match=topic), secret, headers=headers) as granted:
        assert next(granted) == Received("message", public, "2")


def test_mercure_stream_ends_when_its_token_expires(site):
    [topic] = new_names(1)
    before = hub.publish(site, topic, "before")
    public = hub.publish(site, topic, "1")
    token = hub.token_for(topic, seconds=hub.SHORT_SECONDS)
    headers = {"Authorization": f"Bearer {token}"}

    with curl(hub.asking(site, match=topic), before, headers=headers) as events:
        assert [*events] == [Received("message", public, "1")]


def test_signal_to_stop_tells_the_streams_and_ends_the_server(site, publisher, crowd):
    [topic] = new_topics(1)
    streams = [crowd.open(asking([topic])) for _ in range(5)]
    wait_until_live(streams)

    os.kill(site.process.pid, signal.SIGTERM)
    site.process.wait(DEADLINE_SECONDS)
    site.process = None

    wait_for(
        lambda: all(stream.named("server_closed") for stream in streams),
        what="server_closed on every stream",
    )
    for stream in streams:
        [closed] = stream.named("server_closed")
        assert closed.fields == {"reason": "stopped"}


@pytest.mark.parametrize("server", [HYPERCORN, DAPHNE], ids=["hypercorn", "daphne"])
def test_other_servers_resume_streams_and_notice_clients_that_leave(server):
    [topic] = new_topics(1)
    with (
        AsgiSite(server, environment=ENVIRONMENT) as site,
        Publisher(site) as publisher,
        Crowd(site) as crowd,
    ):
        stream = crowd.open(asking([topic]))
        wait_until_live([stream])
        seen = publisher.publish(topic)
        wait_for_event([stream], seen)
        crowd.close(stream)
        wait_for(lambda: not held(site), what="the disconnect")
        missed = publisher.publish(topic)
        again = crowd.open(asking([topic]), last_event_id=stream.last_event_id)
        wait_for_event([again], missed)

        assert again.uids == [missed]
