"""Relations between models are found, also those of models that are loaded later."""

from django.apps import apps
from django.db.models.signals import class_prepared

from notifications.publishing.relations import (
    each_link_model,
    foreign_keys,
    may_share_objects,
)
from tests.library.models import Book, Club, Genre, Reading, Shelf


def test_links_from_and_to_a_model_are_found(registries):
    found = set()

    each_link_model(Book, found.add, dispatch_uid="test")

    assert found == {
        Book.genres.through,
        Book.sequels.through,
        Shelf.books.through,
        Reading,
    }


def test_links_of_a_model_that_is_loaded_later_are_found(registries, monkeypatch):
    found = set()
    with monkeypatch.context() as early:
        loaded = {"book": Book, "club": Club, "reading": Reading}
        early.setattr(apps, "all_models", {"library": loaded})
        each_link_model(Book, found.add, dispatch_uid="test")
    assert found == {Reading}

    class_prepared.send(sender=Shelf)

    assert found == {Reading, Shelf.books.through}


def test_foreign_keys_are_those_to_the_model():
    assert foreign_keys(Reading, to=Book) == ["book_id"]
    assert foreign_keys(Reading, to=Genre) == []


def test_different_models_share_no_objects():
    assert may_share_objects(Book, Book)
    assert not may_share_objects(Book, Shelf)
