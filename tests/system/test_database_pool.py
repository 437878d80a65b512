"""The real server with more requests than PostgreSQL allows connections."""

import contextlib
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.databases import ON_POSTGRESQL, connect
from tests.effort import either
from tests.http_client import http_client
from tests.system.hooks import ENVIRONMENT
from tests.system.listener import Listener
from tests.system.people import sign_in
from tests.system.raw_requests import read_status, send_request
from tests.system.server import DEADLINE_SECONDS, Site, wait_for

pytestmark = pytest.mark.skipif(not ON_POSTGRESQL, reason="It is about PostgreSQL.")

PAGES = either(100, thorough=2_000)
POOL_SIZE = 2
# Those of two workers, the console of the tests, and the sweeps.
CONNECTION_LIMIT = 2 * POOL_SIZE + 2
STREAMS = 4
STREAM = "/notifications/stream/"
POLL = "/notifications/poll/"
# Together longer than what the kernel keeps for a client.
PIPELINED = 1_000
# Then the worker cuts a client.
REPLY_SECONDS = 20
# The queue of a socket is full after so many equal lengths, 20 ms apart.
SAMPLES = 25
WRAPPING = {"LIVE_MIDDLEWARE": "tests.system.hooks.wrapping"}


@pytest.fixture(scope="module")
def site():
    environment = {**ENVIRONMENT, "DATABASE_POOL_SIZE": str(POOL_SIZE)}
    with Site(workers=2, environment=environment) as site:
        limit_connections(site, CONNECTION_LIMIT)
        yield site


@pytest.fixture
def single():
    """A site of one process with one connection, whose streams stay iterators."""
    environment = {**ENVIRONMENT, **WRAPPING, "DATABASE_POOL_SIZE": "1"}
    with Site(workers=1, environment=environment) as site:
        yield site


def limit_connections(site, limit):
    with connect(site.database.url) as connection:
        connection.execute(
            f"ALTER DATABASE {site.database.name} CONNECTION LIMIT {limit}"
        )


def request(stack, site, path, *, cookie=""):
    """Send a request on a connection of its own, which is closed with the stack."""
    sender = send_request(
        site, f"GET {path}", seconds=2 * DEADLINE_SECONDS, Cookie=cookie
    )
    return stack.enter_context(sender)


def test_all_pages_are_served_with_fewer_connections_than_requests(site):
    with ExitStack() as stack:
        senders = [request(stack, site, "/") for _ in range(PAGES)]
        statuses = {read_status(sender) for sender in senders}

    assert statuses == {200}


def test_open_streams_polls_and_streamed_pages_hold_no_connection(single):
    with ExitStack() as stack:
        [reader] = sign_in(single, ["reader"])
        stack.enter_context(reader.client)
        cookie = f"sessionid={reader.client.cookies['sessionid']}"
        cursor = reader.client.get(POLL).json()["cursor"]
        for _ in range(STREAMS):
            stack.enter_context(Listener(reader.client, STREAM))
            request(stack, single, f"{POLL}?after={cursor}", cookie=cookie)
            assert read_status(request(stack, single, "/activity/")) == 200
        page = reader.client.get("/")

    assert page.status_code == 200


def blocked(connection):
    """Tell whether a request waits for the lock of the test."""
    query = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    return connection.execute(query).fetchone()


def test_other_requests_are_served_while_some_wait_for_the_database(single):
    with ExitStack() as stack:
        observer = stack.enter_context(connect(single.database.url))
        other = stack.enter_context(connect(single.database.url))
        with contextlib.closing(other), other.transaction():
            other.execute("LOCK TABLE qa_question")
            pages = [request(stack, single, "/") for _ in range(3)]
            wait_for(lambda: blocked(observer), what="a request that is blocked")
            ready = httpx.get(f"{single.url}/census/", timeout=DEADLINE_SECONDS)
        statuses = [read_status(page) for page in pages]

    assert ready.status_code == 200
    assert statuses == [200] * 3


def unsent(port):
    """Return how many bytes wait for the client with this port: proc(5)."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, _, queues, *_ = line.split()
        if remote.endswith(f":{port:04X}"):
            return int(queues.partition(":")[0], 16)
    return 0


def is_stuck(client, samples):
    """Tell whether no more fits into a client's socket: its queue stays as it is."""
    samples.append(unsent(client.getsockname()[1]))
    return len(samples) > SAMPLES and len({*samples[-SAMPLES:]}) == 1 and samples[-1]


def test_reply_that_is_not_read_holds_no_connection(single):
    with ExitStack() as stack:
        client = stack.enter_context(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", single.port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * PIPELINED)
        samples = []
        wait_for(lambda: is_stuck(client, samples), what="a full socket")
        visitor = stack.enter_context(http_client(single.url, keep_alive=False))
        page = visitor.get("/", timeout=REPLY_SECONDS / 2)

    assert page.status_code == 200
