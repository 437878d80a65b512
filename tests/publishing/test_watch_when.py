"""Drafts: an event is recorded at the save at which `when` first becomes true."""

import threading

import pytest
from django.core import serializers
from django.db import connection, transaction

from notifications.models import Event, now
from tests.library.models import Book, Genre

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def crime():
    return Genre.objects.create(name="Crime")


@pytest.fixture
def watched(watch_books):
    watch_books(when=lambda book: book.published)


@pytest.fixture
def draft(watched):
    return Book.objects.create(title="Emma", published=False)


def publish(book, **options):
    book.published = True
    book.save(**options)


def withdraw(book):
    book.published = False
    book.save()


def recorded():
    """Return the topics of each event."""
    return [event.topics for event in Event.objects.order_by("pk")]


def test_draft_is_recorded_when_it_is_published(draft):
    assert recorded() == []
    before = now()

    publish(draft)

    assert recorded() == [[f"book:{draft.pk}"]]
    assert Event.objects.get().created >= before


def test_object_that_is_never_a_draft_is_recorded_once(watched):
    book = Book.objects.create(title="Emma")

    book.save()

    assert recorded() == [[f"book:{book.pk}"]]


def test_later_saves_record_nothing(draft):
    publish(draft)

    draft.save()
    withdraw(draft)
    publish(draft)

    assert len(recorded()) == 1


def test_edit_after_the_event_was_pruned_records_nothing(draft):
    publish(draft)
    Event.objects.all().delete()

    draft.title = "Emma, corrected"
    draft.save()

    assert recorded() == []


def test_edit_of_an_object_from_before_the_watch_records_nothing(watched):
    [book] = Book.objects.bulk_create([Book(title="Emma")])

    book.save()

    assert recorded() == []


def test_draft_from_before_the_watch_is_recorded_when_it_is_published(watched):
    [book] = Book.objects.bulk_create([Book(title="Emma", published=False)])

    publish(book)

    assert recorded() == [[f"book:{book.pk}"]]


def test_object_fetched_in_part_is_recorded(draft):
    publish(Book.objects.only("published").get())

    assert len(recorded()) == 1


def test_saved_fields_count(draft):
    publish(draft, update_fields=["published"])

    assert len(recorded()) == 1


def test_fields_that_are_not_saved_do_not_count(draft):
    publish(draft, update_fields=["title"])
    assert recorded() == []

    publish(Book.objects.get())
    assert len(recorded()) == 1


def test_links_of_a_draft_record_nothing_until_it_is_published(draft, crime):
    crime.books.add(draft)
    assert recorded() == []

    publish(draft)
    assert recorded() == [[f"book:{draft.pk}", f"genre:{crime.pk}"]]


def test_links_made_while_it_is_published_are_part_of_the_event(draft, crime):
    with transaction.atomic():
        publish(draft)
        draft.genres.add(crime)

    assert recorded() == [[f"book:{draft.pk}", f"genre:{crime.pk}"]]


def test_added_topic_of_a_withdrawn_object_records_nothing(watch_books, crime):
    watch_books(when=lambda book: book.published, on_topic_added=True)
    book = Book.objects.create(title="Emma")
    withdraw(book)

    book.genres.add(crime)

    assert len(recorded()) == 1


def test_withdrawal_in_the_same_transaction_records_nothing(draft):
    with transaction.atomic():
        publish(draft)
        withdraw(draft)
    assert recorded() == []

    publish(draft)
    assert len(recorded()) == 1


def test_rolled_back_publication_can_be_repeated(draft):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publish(draft)
        raise ZeroDivisionError
    assert recorded() == []

    publish(draft)
    assert len(recorded()) == 1


def test_loading_data_records_nothing(draft):
    draft.published = True
    rows = serializers.serialize("json", [draft])

    for row in serializers.deserialize("json", rows):
        row.save()

    assert Book.objects.get().published
    assert recorded() == []


def test_save_of_a_copy_with_a_key_is_compared_with_the_row(watched):
    [book] = Book.objects.bulk_create([Book(title="Emma")])

    Book(pk=book.pk, title="Emma, again").save()

    assert recorded() == []


def test_new_object_with_a_key_of_its_own_is_recorded(watched):
    book = Book.objects.create(pk=77, title="Emma")

    assert recorded() == [[f"book:{book.pk}"]]


def test_actor_follows_when_the_event_is_recorded(watch_books, maja):
    watch_books(
        when=lambda book: book.published,
        actor=lambda book: maja,
        actor_follows=lambda book: f"book:{book.pk}",
    )
    book = Book.objects.create(title="Emma", published=False)
    assert not maja.follows.exists()

    publish(book)

    assert [follow.topic for follow in maja.follows.all()] == [f"book:{book.pk}"]


def test_two_interleaved_saves_record_one_event(watch_books):
    others = []

    def published(book):
        # Another process saves it after this one has read the row.
        if others:
            publish(others.pop())
        return book.published

    watch_books(when=published)
    book = Book.objects.create(title="Emma", published=False)
    others.append(Book.objects.get())

    publish(book)

    assert others == []
    assert len(recorded()) == 1


@pytest.mark.skipif(
    not connection.features.has_select_for_update,
    reason="one transaction writes at a time",
)
def test_two_transactions_at_the_same_time_record_one_event(watch_books):
    compared = threading.Event()
    saved = threading.Event()

    def published(book):
        if threading.current_thread().name == "other" and not book.published:
            compared.set()
        return book.published

    watch_books(when=published)
    book = Book.objects.create(title="Emma", published=False)

    def publish_too():
        saved.wait(10)
        publish(Book.objects.get())
        connection.close()

    other = threading.Thread(target=publish_too, name="other")
    other.start()
    with transaction.atomic():
        publish(book)
        saved.set()
        assert compared.wait(10)
    other.join()

    assert len(recorded()) == 1
