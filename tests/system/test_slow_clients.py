"""Clients that hold all slots of a worker, and the pages that load meanwhile."""

import contextlib
import socket

import pytest

from tests.http_client import http_client
from tests.system.hooks import ENVIRONMENT
from tests.system.processes import held
from tests.system.raw_requests import read_status, send_request
from tests.system.server import DEADLINE_SECONDS, Site, wait_for
from tests.system.transports import hijacked

SLOTS = 10
# Longer than any test waits.
LONG = "600"
BODY_SECONDS = 2
SCRIPT = "/static/admin/js/vendor/jquery/jquery.js"
# Together longer than what the kernel keeps for a client.
PIPELINED = 30

pytestmark = hijacked


@pytest.fixture(scope="module")
def site():
    site = Site(workers=1, environment=ENVIRONMENT)
    site.environment |= {
        "GUNICORN_CMD_ARGS": f"--worker-connections={SLOTS}",
        "NOTIFICATIONS_BODY_TIMEOUT": str(BODY_SECONDS),
        "NOTIFICATIONS_REPLY_TIMEOUT": LONG,
        "NOTIFICATIONS_POLL_TIMEOUT": LONG,
        "NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS": "500",
    }
    with site:
        yield site


@pytest.fixture
def slow():
    """A stack of clients that are closed after the test."""
    with contextlib.ExitStack() as slow:
        yield slow


def send(site, line, **headers):
    return contextlib.closing(
        send_request(site, line, seconds=DEADLINE_SECONDS, **headers)
    )


def post_without_body(site, topic):
    return send(
        site,
        "POST /login/",
        Content_Length="100",
        Content_Type="application/x-www-form-urlencoded",
        # Django refuses others before it reads their body.
        Cookie=f"csrftoken={'x' * 32}",
    )


def pipeline_without_reading(site, topic):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", site.port))
    request = f"GET {SCRIPT} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    client.sendall(request.encode() * PIPELINED)
    return contextlib.closing(client)


def poll(site, topic):
    path = f"/notifications/poll/?topic={topic}"
    with http_client(site.url, keep_alive=False) as client:
        cursor = client.get(path).json()["cursor"]
    return send(site, f"GET {path}&after={cursor}")


@pytest.mark.parametrize("hold", [post_without_body, pipeline_without_reading, poll])
def test_page_loads_while_slow_clients_hold_all_slots(site, slow, topic, hold):
    for _ in range(SLOTS):
        slow.enter_context(hold(site, topic))
    wait_for(lambda: held(site) >= SLOTS - 1, what="the slots to be taken")

    with http_client(site.url, keep_alive=False) as client:
        for _ in range(3):
            assert client.get("/").status_code == 200


def test_body_that_does_not_come_is_answered_by_408(site):
    with post_without_body(site, "") as client:
        client.sendall(b"x" * 99)

        assert read_status(client) == 408
