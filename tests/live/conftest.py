"""Fixtures of the live tests: one site a module, and people who use it."""

from collections.abc import Callable, Iterator

import pytest

from tests.live.people import Person, sign_in
from tests.live.server import Site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(workers=2) as site:
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
