"""A site whose Redis can be made to fail, and what its log and database hold."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import redis

from tests.http_client import http_client
from tests.own_redis import as_site
from tests.system.listener import Listener
from tests.system.people import Person
from tests.system.proxy import Proxy
from tests.system.server import DEADLINE_SECONDS, ROOT, Site, wait_for
from tests.watchdog import watch_group

# Faults that take seconds in production take fractions here.
FAST = {
    "NOTIFICATIONS_LOG_READ_TIMEOUT": "0.5",
    "NOTIFICATIONS_LOG_READ_GRACE": "1",
    "NOTIFICATIONS_SWEEP_INTERVAL": "0.5",
    "NOTIFICATIONS_HEARTBEAT_INTERVAL": "1",
    "NOTIFICATIONS_RETRY_INTERVAL": "0.1",
}
# A loaded machine is not the fault under test, and the whole log is compared.
PATIENT = {
    "NOTIFICATIONS_REDIS_TIMEOUT": "5",
    "NOTIFICATIONS_LOG_MAX_ENTRIES": "1000000",
}
# The titles of questions that are asked before, during and after a fault.
BEFORE = ["1", "2", "3"]
DURING = ["4", "5", "6"]
AFTER = ["7", "8", "9"]
RESET = "reset"
LOG_KEY = "{notifications}:log"
LOCK_KEY = "{notifications}:lock:sweep"
_LAST = '{"question_id": 0, "title": "The end", "url": "/"}'


@contextmanager
def faulty_site(**environment: str) -> Iterator[tuple[Site, Proxy]]:
    """Give a site of two workers that reaches its Redis through a proxy."""
    site = Site(workers=2, environment={**FAST, **environment})
    with Proxy(site.redis.socket) as proxy:
        site.environment["REDIS_URL"] = as_site(proxy.url)
        with site:
            yield site, proxy


def heal(site: Site, proxy: Proxy) -> None:
    """Undo all that a test did to Redis and to the way there."""
    proxy.retarget(site.redis.socket)
    proxy.mend()
    if pid := site.redis.pid:
        os.kill(pid, signal.SIGCONT)
    site.redis.ensure_running(timeout=DEADLINE_SECONDS)
    with redis.Redis.from_url(site.redis.url) as client:
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
    if site.process is None:
        site.start()
    wait_for(lambda: not pending(site), what="the outbox to be empty")


def new_topic() -> str:
    """Return a topic that no other test uses."""
    return f"topic:t{uuid.uuid4().hex}"


@contextmanager
def listening(site: Site, topic: str, *, streams: int = 4) -> Iterator[list[Listener]]:
    """Give listeners of the topic, enough for each worker to have one."""
    with ExitStack() as stack:
        clients = [stack.enter_context(http_client(site.url)) for _ in range(streams)]
        path = f"/notifications/stream/?topic={topic}"
        yield [stack.enter_context(Listener(client, path)) for client in clients]


def ask(asker: Person, topic: str, titles: list[str]) -> None:
    """Ask a question of each title under the topic, on the site's page."""
    for title in titles:
        asker.post("/ask/", title=title, body="?", topics=topic.partition(":")[2])


def titles_of(listener: Listener) -> list[str]:
    """Return the titles that a stream received, with RESET in place of a reset."""
    return [
        RESET if name == RESET else data["title"]
        for name, data in list(listener.events)
        if name in (RESET, "new_question")
    ]


def wait_for_titles(listeners: list[Listener], titles: list[str]) -> None:
    """Wait until each stream received exactly these titles.

    In this order, each once, and without a reset.
    """
    for listener in listeners:
        wait_for(
            lambda listener=listener: set(titles) <= set(titles_of(listener)),
            what=f"{titles}, got {titles_of(listener)}",
        )
    everything = [titles_of(listener) for listener in listeners]
    assert everything == [titles] * len(listeners), f"received {everything}"


def pending(site: Site) -> int:
    """Return how many events are not in the log yet, as far as the rows know."""
    query = "SELECT count(*) FROM notifications_event WHERE relayed IS NULL"
    return site.database.rows(query)[0][0]


def recorded(site: Site, topic: str) -> list[str]:
    """Return the uids of the events of a topic, in the order of recording."""
    query = """
    SELECT event.uid FROM notifications_event event
    JOIN notifications_eventtopic address ON address.event_id = event.id
    WHERE address.topic = %(topic)s ORDER BY event.id
    """
    found = site.database.rows(query, topic=topic)
    return [str(uuid.UUID(str(uid))) for (uid,) in found]


def logged(site: Site, topic: str) -> list[str]:
    """Return the uids of the topic's entries in the log, in its order."""
    with redis.Redis.from_url(site.redis.url) as client:
        entries = [json.loads(fields[b"e"]) for _, fields in client.xrange(LOG_KEY)]
    return [each["uid"] for each in entries if topic in each.get("topics", ())]


def start_shell(site: Site, code: str, **environment: str) -> subprocess.Popen[str]:
    """Start a process of the site that runs `code`; it prints unbuffered."""
    process = subprocess.Popen(
        [sys.executable, "-u", "manage.py", "shell", "-v0", "--command", code],
        cwd=ROOT,
        env={**site.environment, **environment},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    watch_group(process.pid)
    return process


def publish_last(site: Site, topic: str) -> None:
    """Publish one more event, by a process of its own."""
    arguments = ["new_question", "--topic", topic, "--data", _LAST]
    site.manage("sse_publish", *arguments)


def kill(pid: int) -> None:
    """Kill a process without warning."""
    os.kill(pid, signal.SIGKILL)
