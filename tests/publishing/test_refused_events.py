"""An event that is invalid does not fail the save that it is about."""

import pytest
from django.db import connection, transaction

from notifications.exceptions import InvalidPayload, InvalidTopic
from notifications.models import Event, Follow
from notifications.publishing import outbox
from notifications.publishing.event_types import event_type
from tests.inboxes import inbox_of
from tests.library.models import Book, Genre
from tests.publishing.conftest import BookPayload

pytestmark = pytest.mark.django_db(transaction=True)

INVALID = [
    {"payload": lambda book: BookPayload(title="x" * 10_000)},
    {"payload": lambda book: {"name": book.title}},
    {"topics": lambda book: ["no topic"]},
    {"topics": lambda book: [f"book:{number}" for number in range(101)]},
]


@pytest.fixture
def lenient(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "STRICT": False}


@pytest.fixture
def crime():
    return Genre.objects.create(name="Crime")


def failures():
    events = Event.objects.exclude(failure="")
    return [*events.values_list("type", "source", "failure")]


@pytest.mark.parametrize("options", INVALID)
def test_save_stands_without_its_event(lenient, watch_books, caplog, log, options):
    start = log.position()
    watch_books(**options)

    book = Book.objects.create(title="Emma")

    assert Book.objects.get() == book
    assert log.position() == start
    [(name, source, reason)] = failures()
    assert (name, source) == ("new_book", f"new_book:library.book:{book.pk}")
    [line] = [each for each in caplog.records if each.levelname == "ERROR"]
    message = line.getMessage()
    assert f"event=refused type=new_book source={source} reason={reason}" == message
    assert len(message) < 300


def test_save_in_a_transaction_stands(lenient, watch_books, crime):
    watch_books(**INVALID[0])

    with transaction.atomic():
        book = Book.objects.create(title="Emma")
        book.genres.add(crime)

    assert book.genres.get() == crime
    assert len(failures()) == 1


@pytest.mark.parametrize("options", INVALID)
def test_strict_raises(watch_books, options):
    watch_books(**options)

    with pytest.raises((InvalidPayload, InvalidTopic)), transaction.atomic():
        Book.objects.create(title="Emma")

    assert not Book.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize("function", ["topics", "payload", "actor"])
def test_bug_of_the_site_is_raised(lenient, watch_books, function):
    watch_books(**{function: lambda book: book.no_such_field})

    with pytest.raises(AttributeError):
        Book.objects.create(title="Emma")


def test_publishing_always_raises(lenient, watch_books):
    watch_books()

    with pytest.raises(InvalidPayload):
        outbox.record(event_type("new_book"), topics=[], payload={"name": "Emma"})


def test_actor_of_a_refused_event_follows_nothing(lenient, watch_books, maja):
    watch_books(
        **INVALID[0], actor=lambda book: maja, actor_follows=lambda book: "book:1"
    )

    Book.objects.create(title="Emma")

    assert not Follow.objects.exists()


def test_event_that_links_make_invalid_is_refused(lenient, watch_books, crime, maja):
    def topics(book):
        return ["no topic" if book.genres.exists() else "book:1"]

    Follow.objects.set_level(maja, "book:1", "follow")
    watch_books(topics=topics)

    with transaction.atomic():
        book = Book.objects.create(title="Emma")
        book.genres.add(crime)

    assert book.genres.get() == crime
    assert len(failures()) == 1
    assert inbox_of(maja) == []


def test_event_that_links_make_valid_again_is_recorded(
    lenient, watch_books, crime, maja
):
    def topics(book):
        return ["no topic" if book.genres.exists() else "topic:emma"]

    Follow.objects.set_level(maja, "topic:emma", "follow")
    watch_books(topics=topics)

    with transaction.atomic():
        book = Book.objects.create(title="Emma")
        book.genres.add(crime)
        book.genres.clear()

    assert failures() == []
    assert inbox_of(maja) == [Event.objects.exclude(relayed=None).get()]


def test_refused_draft_is_recorded_when_it_is_published_again(lenient, watch_books):
    watch_books(
        when=lambda book: book.published,
        payload=lambda book: BookPayload(title=book.title * 1_000),
    )
    book = Book.objects.create(title="Emma, or more", published=True)
    assert len(failures()) == 1

    for published in (False, True):
        book.title, book.published = "E", published
        book.save()

    assert Event.objects.exclude(relayed=None).get().payload["title"] == "E" * 1_000


def test_refusal_leaves_the_connection_usable(lenient, watch_books):
    watch_books(**INVALID[0])

    Book.objects.create(title="Emma")

    assert connection.is_usable()
    assert Book.objects.count() == 1
