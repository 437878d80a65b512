"""The real server while another process holds SQLite's lock."""

import select
import sqlite3
from contextlib import contextmanager

import httpx
import pytest

from tests.databases import ON_POSTGRESQL
from tests.system.raw_requests import read_status, send_request
from tests.system.server import DEADLINE_SECONDS, Site

pytestmark = pytest.mark.skipif(ON_POSTGRESQL, reason="It is about SQLite's lock.")

FOLLOW = "/notifications/follows/topic:moss/"
FOLLOWS = "SELECT count(*) FROM notifications_follow WHERE topic = 'topic:moss'"


@pytest.fixture(scope="module")
def site():
    # All requests meet in one process.
    with Site(workers=1) as site:
        yield site


@pytest.fixture
def other(site):
    """A connection of another process than the server's."""
    other = sqlite3.connect(site.database.path, isolation_level=None)
    yield other
    other.close()


@contextmanager
def following(site, person):
    """Send the request on a connection of its own, and give the connection.

    It is opened as late as that: the server closes one that stays idle.
    """
    cookies = "; ".join(
        f"{name}={value}" for name, value in person.client.cookies.items()
    )
    headers = {
        "Cookie": cookies,
        "X_CSRFToken": person.client.cookies["csrftoken"],
        "Content_Length": "0",
    }
    with send_request(
        site, f"PUT {FOLLOW}", seconds=DEADLINE_SECONDS, **headers
    ) as sender:
        yield sender


def is_answered(sender):
    return bool(select.select([sender], [], [], 0)[0])


def test_pages_are_served_while_a_write_waits_for_another_process(site, people, other):
    [person] = people("reader")
    person.client.get("/ask/").raise_for_status()  # a token against CSRF
    site.shell(
        "from project.qa.models import Topic\n"
        "Topic.objects.create(slug='moss', name='Moss')"
    )

    other.execute("BEGIN IMMEDIATE")
    with following(site, person) as sender:
        # The first of these may overtake the write, the last cannot.
        pages = [httpx.get(site.url, timeout=DEADLINE_SECONDS) for _ in range(3)]
        answered = is_answered(sender)
        (before,) = other.execute(FOLLOWS).fetchone()
        other.commit()
        done = read_status(sender)

    assert [page.status_code for page in pages] == [200] * 3
    assert not answered
    assert (before, done) == (0, 200)
    assert other.execute(FOLLOWS).fetchone() == (1,)
