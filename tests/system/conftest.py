"""Fixtures of the system tests: one site for each module, and people who use it."""

from collections.abc import Callable, Iterator

import pytest
import redis

from tests.system.asgi_site import site_for
from tests.system.crowd import Crowd
from tests.system.faults import faulty_site, heal
from tests.system.members import Members
from tests.system.people import Person, sign_in
from tests.system.proxy import Proxy
from tests.system.publisher import Publisher
from tests.system.server import Site
from tests.system.topics import new_topics


@pytest.fixture(scope="module")
def worker_class() -> str:
    """The gunicorn worker of the module's site; see `both_ways`."""
    return ""


@pytest.fixture(scope="module")
def site(worker_class) -> Iterator[Site]:
    with site_for(worker_class) as site:
        yield site


@pytest.fixture
def people(site) -> Iterator[Callable[..., list[Person]]]:
    """A function that signs people in by their names."""
    clients = []

    def people(*names: str) -> list[Person]:
        found = sign_in(site, names)
        clients.extend(person.client for person in found)
        return found

    yield people
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def publisher(site) -> Iterator[Publisher]:
    with Publisher(site) as publisher:
        yield publisher


@pytest.fixture
def crowd(site) -> Iterator[Crowd]:
    with Crowd(site) as crowd:
        yield crowd


@pytest.fixture
def members(site) -> Iterator[Members]:
    with Members(site) as members:
        yield members


@pytest.fixture(scope="module")
def fault_environment() -> dict[str, str]:
    """More of the environment of the module's site with a proxy."""
    return {}


@pytest.fixture(scope="module")
def faulty(fault_environment) -> Iterator[tuple[Site, Proxy]]:
    """A site whose Redis is behind a proxy, for the module."""
    with faulty_site(**fault_environment) as pair:
        yield pair


@pytest.fixture
def mended(faulty) -> Iterator[Site]:
    """The site of `faulty`; what a test breaks is mended afterwards."""
    yield faulty[0]
    heal(*faulty)


@pytest.fixture(scope="module")
def asker(faulty) -> Iterator[Person]:
    """Someone who asks questions on the site of `faulty`."""
    site, _ = faulty
    [asker] = sign_in(site, ["asker"])
    yield asker
    asker.client.close()


@pytest.fixture
def proxy(faulty) -> Proxy:
    return faulty[1]


@pytest.fixture
def client(site) -> Iterator[redis.Redis]:
    """A client of the site's Redis."""
    with redis.Redis.from_url(site.redis.url) as client:
        yield client


@pytest.fixture
def topic() -> str:
    """A topic that no other test uses."""
    [topic] = new_topics(1)
    return topic
