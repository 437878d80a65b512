"""Watched objects are seen whatever class they are saved by: proxies and children."""

import pytest
from django.db import transaction
from django.db.models.signals import class_prepared, post_delete, post_save, pre_save

from notifications.exceptions import AlreadyRegistered
from notifications.models import Event
from notifications.publishing.event_types import event_type
from notifications.publishing.relations import each_class
from notifications.publishing.watch import watch
from tests.library.models import Audiobook, Book, Classic, Genre
from tests.publishing.conftest import BookPayload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def crime():
    return Genre.objects.create(name="Crime")


def recorded():
    """Return the source and the topics of each event."""
    return [(event.source, event.topics) for event in Event.objects.order_by("pk")]


def source(book, *, model="book"):
    return f"new_book:library.{model}:{book.pk}"


@pytest.mark.parametrize("model", [Classic, Audiobook])
def test_object_of_another_class_is_recorded_once(watch_books, model, crime):
    watch_books()

    with transaction.atomic():
        book = model.objects.create(title="Emma")
        book.genres.add(crime)
    book.save()
    Book.objects.get().save()

    assert recorded() == [(source(book), [f"book:{book.pk}", f"genre:{crime.pk}"])]


@pytest.mark.parametrize("model", [Classic, Audiobook])
def test_link_from_the_other_side_belongs_to_it(watch_books, model, crime):
    watch_books()

    with transaction.atomic():
        book = model.objects.create(title="Emma")
        crime.books.add(book)

    assert recorded() == [(source(book), [f"book:{book.pk}", f"genre:{crime.pk}"])]


@pytest.mark.parametrize("model", [Book, Classic, Audiobook])
def test_deletion_retracts_its_event(watch_books, model):
    watch_books()
    model.objects.create(title="Emma")

    model.objects.get().delete()

    assert recorded() == []


def test_deletion_of_the_child_alone_retracts_nothing(watch_books):
    watch_books()
    book = Audiobook.objects.create(title="Emma")

    book.delete(keep_parents=True)

    assert len(recorded()) == 1


@pytest.mark.parametrize("link", ["book_ptr", "book_ptr_id"])
def test_child_of_an_object_that_exists_is_no_event(watch_books, link):
    watch_books()
    [book] = Book.objects.bulk_create([Book(title="Emma")])

    Audiobook(**{link: book if link == "book_ptr" else book.pk}, title="Emma").save()

    assert Audiobook.objects.get().pk == book.pk
    assert recorded() == []


@pytest.mark.parametrize("model", [Classic, Audiobook])
def test_draft_of_another_class_is_recorded_when_it_is_published(watch_books, model):
    watch_books(when=lambda book: book.published)
    book = model.objects.create(title="Emma", published=False)
    assert recorded() == []

    book.published = True
    book.save()
    book.save()

    assert [found for found, _ in recorded()] == [source(book)]


def test_child_can_publish_a_draft_that_exists(watch_books):
    watch_books(when=lambda book: book.published)
    book = Book.objects.create(title="Emma", published=False)

    Audiobook(book_ptr=book, title="Emma", published=True).save()

    assert [found for found, _ in recorded()] == [source(book)]


def test_watch_of_a_proxy_is_for_what_is_created_by_it(watch_books, crime):
    watch_books(Classic)
    Book.objects.create(title="Persuasion")

    with transaction.atomic():
        book = Classic.objects.create(title="Emma")
        crime.books.add(book)

    assert recorded() == [
        (source(book, model="classic"), [f"book:{book.pk}", f"genre:{crime.pk}"])
    ]


def test_deletion_by_the_base_retracts_the_event_of_a_proxy(watch_books):
    watch_books(Classic)
    Classic.objects.create(title="Emma")

    Book.objects.get().delete()

    assert recorded() == []


def test_watch_of_a_child_is_for_the_child(watch_books, crime):
    watch_books(Audiobook)
    Book.objects.create(title="Persuasion")

    with transaction.atomic():
        book = Audiobook.objects.create(title="Emma")
        Book.objects.get(pk=book.pk).genres.add(crime)

    assert recorded() == [
        (source(book, model="audiobook"), [f"book:{book.pk}", f"genre:{crime.pk}"])
    ]


@pytest.mark.parametrize("first", [Book, Classic])
def test_base_and_proxy_cannot_both_be_watched_for_a_type(watch_books, first):
    watch_books(first)
    second = Classic if first is Book else Book

    with pytest.raises(AlreadyRegistered) as caught:
        watch(
            second,
            event_type("new_book"),
            topics=lambda book: [],
            payload=lambda book: BookPayload(title=book.title),
            actor=lambda book: None,
        )

    assert caught.value.what == f"watch({second.__name__}, new_book)"


def test_classes_that_are_loaded_later_are_found(registries, monkeypatch):
    found = []
    with monkeypatch.context() as early:
        early.setattr(Book._meta.apps, "all_models", {"library": {"book": Book}})
        each_class(Book, found.append, dispatch_uid="test")
    assert found == [Book]

    for model in (Classic, Genre, Audiobook):
        class_prepared.send(sender=model)

    assert found == [Book, Classic, Audiobook]


def test_models_of_others_get_no_receivers(watch_books):
    before = [signal.has_listeners(Genre) for signal in (pre_save, post_save)]

    watch_books()

    assert before == [False, False]
    assert not pre_save.has_listeners(Genre)
    assert not post_save.has_listeners(Genre)
    # Django deletes the rows of a model with receivers one by one.
    assert not post_delete.has_listeners(Genre)
    assert not post_delete.has_listeners(Audiobook)
