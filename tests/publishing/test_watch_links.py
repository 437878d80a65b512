"""Links of watched objects are seen from whichever side and however they are made."""

import pytest
from django.db import transaction

from notifications.models import Event
from tests.library.models import Book, Club, Genre, Reading, Shelf

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _watched(watch_books):
    watch_books()


@pytest.fixture
def in_transaction():
    with transaction.atomic():
        yield


@pytest.fixture
def shelf():
    return Shelf.objects.create(name="Left")


@pytest.fixture
def club():
    return Club.objects.create(name="Monday")


@pytest.fixture
def genre():
    return Genre.objects.create(name="Crime")


@pytest.fixture
def book(shelf, club, genre, in_transaction):
    """A book that the transaction of the test creates."""
    return Book.objects.create(title="Emma")


def topics(book):
    """Return the topics of the one event of a book, without the book's own."""
    event = Event.objects.get(source=f"new_book:library.book:{book.pk}")
    own, *others = event.topics
    assert own == f"book:{book.pk}"
    return others


def test_clear_from_the_other_side_is_seen(book, genre):
    genre.books.add(book)
    assert topics(book) == [f"genre:{genre.pk}"]

    genre.books.clear()

    assert topics(book) == []


def test_set_from_the_other_side_is_seen(book, genre):
    genre.books.add(book)

    genre.books.set([], clear=True)

    assert topics(book) == []


def test_clear_leaves_the_other_books_alone(book, genre, shelf):
    other = Book.objects.create(title="Persuasion")
    genre.books.add(book)
    shelf.books.add(other)

    genre.books.clear()

    assert topics(other) == [f"shelf:{shelf.pk}"]


def test_relation_of_the_other_model_is_seen(book, shelf):
    shelf.books.add(book)
    assert topics(book) == [f"shelf:{shelf.pk}"]

    shelf.books.remove(book)
    assert topics(book) == []

    book.shelves.add(shelf)
    assert topics(book) == [f"shelf:{shelf.pk}"]

    shelf.books.clear()
    assert topics(book) == []


def test_relation_between_books_is_seen_on_both_sides(book):
    other = Book.objects.create(title="Persuasion")

    book.sequels.add(other)
    assert topics(book) == [f"sequel:{other.pk}"]
    assert topics(other) == [f"prequel:{book.pk}"]

    book.sequels.clear()
    assert (topics(book), topics(other)) == ([], [])


def test_row_of_a_through_model_is_seen(book, club):
    row = Reading.objects.create(book=book, club=club)
    assert topics(book) == [f"club:{club.pk}"]

    row.delete()
    assert topics(book) == []


def test_row_of_a_through_model_can_move(book, club):
    row = Reading.objects.create(book=book, club=club)
    other = Club.objects.create(name="Tuesday")

    row.club = other
    row.save()

    assert topics(book) == [f"club:{other.pk}"]


def test_links_of_a_through_model_are_seen(book, club):
    book.clubs.add(club)
    assert topics(book) == [f"club:{club.pk}"]

    club.books.clear()
    assert topics(book) == []


def test_link_of_a_through_model_is_seen_once(book, club, monkeypatch):
    changes = []
    monkeypatch.setattr(
        "notifications.publishing.outbox.amend",
        lambda event, **changed: changes.append(changed["topics"]),
    )

    club.books.add(book)

    assert changes == [[f"book:{book.pk}", f"club:{club.pk}"]]


def test_row_of_a_through_model_that_is_loaded_changes_nothing(book, club):
    Reading(pk=1, book=book, club=club).save_base(raw=True)

    assert topics(book) == []
