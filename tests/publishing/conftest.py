"""Fixtures for tests of the write side: the log, watched books, more databases."""

import msgspec
import pytest
from django.db.models.signals import (
    class_prepared,
    m2m_changed,
    post_delete,
    post_save,
    pre_delete,
    pre_save,
)

from notifications.protocol.entries import RetractEntry
from notifications.publishing import watch as watch_module
from notifications.publishing.event_types import EventType
from notifications.publishing.watch import watch
from project.qa.models import Question
from tests.library.models import Book
from tests.two_databases import WRITE_ROUTER, other_database

# Those that `watch` connects to.
SIGNALS = (
    class_prepared,
    m2m_changed,
    post_delete,
    post_save,
    pre_delete,
    pre_save,
)


class BookPayload(msgspec.Struct):
    title: str


def topics_of_book(book):
    """Return a topic for each object that is linked to a book."""
    return [
        f"book:{book.pk}",
        *(f"genre:{each.pk}" for each in book.genres.order_by("pk")),
        *(f"sequel:{each.pk}" for each in book.sequels.order_by("pk")),
        *(f"prequel:{each.pk}" for each in book.prequels.order_by("pk")),
        *(f"shelf:{each.pk}" for each in book.shelves.order_by("pk")),
        *(f"club:{each.pk}" for each in book.clubs.order_by("pk")),
    ]


@pytest.fixture
def start(log):
    """The newest cursor at the start of the test."""
    return log.position()


@pytest.fixture
def appended(log, start):
    """A function that returns the entries since the start of the test."""
    return lambda: [entry.decode() for entry in log.read(start, until=log.position())]


@pytest.fixture
def registries(monkeypatch):
    """Forget after the test what it registers: event types, watches and receivers."""
    monkeypatch.setattr(EventType, "registry", {**EventType.registry})
    monkeypatch.setattr(watch_module, "_watched_at", {**watch_module._watched_at})
    for signal in SIGNALS:
        monkeypatch.setattr(signal, "receivers", [*signal.receivers])
    yield
    for signal in SIGNALS:
        signal.sender_receivers_cache.clear()


@pytest.fixture
def watch_books(registries):
    """A function that watches books; they have the topics of everything linked."""

    def watch_books(model=Book, **options):
        options = {
            "topics": topics_of_book,
            "payload": lambda book: BookPayload(title=book.title),
            "actor": lambda book: None,
            **options,
        }
        return watch(model, EventType("new_book", BookPayload), **options)

    return watch_books


@pytest.fixture
def question(maja):
    return Question.objects.create(title="Why?", body="Secret.", author=maja)


@pytest.fixture
def retractions(appended):
    """A function that returns the retractions in the log."""
    return lambda: [each for each in appended() if isinstance(each, RetractEntry)]


@pytest.fixture
def other(tmp_path, settings):
    """A second database, and the router that every site with two has."""
    settings.DATABASE_ROUTERS = [WRITE_ROUTER]
    with other_database(tmp_path) as alias:
        yield alias


@pytest.fixture
def replica(other, settings):
    """The second database is read from; nothing that is written reaches it."""
    settings.DATABASE_ROUTERS = [WRITE_ROUTER, "tests.two_databases.ReplicaRouter"]
    return other
