"""Topics that a watched object gets after it was created: no news, unless opted in."""

import json

import pytest
from django.core import serializers
from django.db import transaction

from notifications.models import Event, Follow
from tests.inboxes import inbox_of
from tests.library.models import Book, Genre

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def everyone_may_see_genres(settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: True,
    }


@pytest.fixture
def told(watch_books, everyone_may_see_genres):
    """Have the followers of an added topic notified."""
    watch_books(on_topic_added=True)


@pytest.fixture
def crime():
    return Genre.objects.create(name="Crime")


@pytest.fixture
def poetry():
    return Genre.objects.create(name="Poetry")


@transaction.atomic
def write(*genres):
    book = Book.objects.create(title="Emma")
    book.genres.set(genres)
    return book


def recorded():
    """Return the topics of each event."""
    return [event.topics for event in Event.objects.order_by("pk")]


def test_added_topic_records_nothing(watch_books, crime, poetry):
    watch_books()
    book = write(crime)

    book.genres.add(poetry)

    assert recorded() == [[f"book:{book.pk}", f"genre:{crime.pk}"]]


def test_old_objects_under_a_new_topic_record_nothing(
    watch_books, crime, django_assert_num_queries
):
    watch_books()
    books = [write() for _ in range(3)]

    # They are those of Django: which links are there, and one that adds the others.
    with transaction.atomic(), django_assert_num_queries(2):
        crime.books.add(*books)

    assert len(recorded()) == 3


def test_old_object_under_a_new_topic_records_nothing_beside_a_new_one(
    watch_books, crime, poetry
):
    watch_books()
    old = write(crime)

    with transaction.atomic():
        new = Book.objects.create(title="Persuasion")
        poetry.books.add(old, new)

    assert recorded() == [
        [f"book:{old.pk}", f"genre:{crime.pk}"],
        [f"book:{new.pk}", f"genre:{poetry.pk}"],
    ]


def test_event_of_another_object_with_the_same_key_does_not_count(watch_books, crime):
    watch_books()
    book = write(crime)
    key = book.pk
    book.delete()

    with transaction.atomic():
        book = Book.objects.create(pk=key, title="Persuasion")
        book.genres.add(crime)

    assert recorded()[-1] == [f"book:{key}", f"genre:{crime.pk}"]


def test_topics_linked_without_a_transaction_are_a_second_event(told, crime):
    book = Book.objects.create(title="Emma")
    book.genres.add(crime)

    assert recorded() == [[f"book:{book.pk}"], [f"genre:{crime.pk}"]]


def test_topic_added_later_is_an_event_for_its_followers_only(told, crime, poetry):
    book = write(crime)
    first = Event.objects.get()

    book.genres.add(poetry)

    second = Event.objects.last()
    assert second.topics == [f"genre:{poetry.pk}"]
    assert second.already_told == {
        f"book:{book.pk}": first.relayed,
        f"genre:{crime.pk}": first.relayed,
    }


def test_topic_added_from_the_other_side_is_an_event(told, crime, poetry):
    write(crime)

    poetry.books.set(Book.objects.all())

    assert recorded()[1:] == [[f"genre:{poetry.pk}"]]


def test_topic_removed_and_added_again_records_nothing(told, crime):
    book = write(crime)

    book.genres.clear()
    book.genres.add(crime)

    assert len(recorded()) == 1


def test_topic_added_to_an_object_without_an_event_records_nothing(told, crime):
    [book] = Book.objects.bulk_create([Book(title="Emma")])

    book.genres.add(crime)

    assert recorded() == []


def test_topics_added_in_one_transaction_are_one_more_event(told, crime, poetry):
    book = write()

    with transaction.atomic():
        book.genres.add(crime)
        book.genres.add(poetry)

    first, second = Event.objects.order_by("pk")
    assert second.topics == [f"genre:{crime.pk}", f"genre:{poetry.pk}"]
    assert second.already_told == {f"book:{book.pk}": first.relayed}


def test_removed_topic_still_counts_as_already_told(told, crime, poetry):
    book = write(crime)

    with transaction.atomic():
        book.genres.add(poetry)
        book.genres.remove(crime)

    second = Event.objects.last()
    assert second.topics == [f"genre:{poetry.pk}"]
    assert set(second.already_told) == {f"book:{book.pk}", f"genre:{crime.pk}"}


def test_topic_added_and_removed_again_records_nothing(told, crime, poetry):
    book = write(crime)

    with transaction.atomic():
        book.genres.add(poetry)
        book.genres.remove(poetry)

    assert len(recorded()) == 1


def test_loading_data_over_an_object_with_an_event_records_nothing(told, crime, poetry):
    book = write(crime)
    rows = json.loads(serializers.serialize("json", [book]))
    rows[0]["fields"]["genres"] = [crime.pk, poetry.pk]

    with transaction.atomic():
        for row in serializers.deserialize("json", json.dumps(rows)):
            row.save()

    assert set(book.genres.all()) == {crime, poetry}
    assert len(recorded()) == 1


def test_nobody_is_notified_twice(told, maja, crime):
    book = Book.objects.create(title="Emma")
    Follow.objects.set_level(maja, f"genre:{crime.pk}", "follow")
    Follow.objects.set_level(maja, f"book:{book.pk}", "follow")
    Follow.objects.update(created=Event.objects.get().created)

    book.genres.add(crime)

    assert Event.objects.count() == 2
    assert inbox_of(maja) == [Event.objects.first()]


def test_followers_of_the_added_topic_are_notified(told, maja, crime):
    book = Book.objects.create(title="Emma")
    Follow.objects.set_level(maja, f"genre:{crime.pk}", "follow")

    book.genres.add(crime)

    assert inbox_of(maja) == [Event.objects.last()]
