"""The page of the inbox."""

import re

import msgspec
import pytest

from notifications.models import Event
from notifications.publishing import outbox
from notifications.publishing.event_types import EventType
from notifications.publishing.followables import follow
from project.qa.models import Answer
from tests.streaming import record
from tests.templatetags.questions import ask


@pytest.fixture
def as_maja(client, maja):
    client.force_login(maja)
    follow(maja, "topic:espresso")
    return client


def inbox(client, query=""):
    return client.get(f"/notifications/{query}").content.decode()


def test_inbox_shows_actor_and_title(as_maja, tobias, espresso):
    question = ask(tobias, espresso, title="Why <sour>?")

    page = inbox(as_maja)

    assert '<li class="notifications-inbox-item notifications-unread" ' in page
    assert ">tobias</a> asked " in page
    assert f'href="/questions/{question.pk}/">Why &lt;sour&gt;?</a>' in page


def test_inbox_shows_the_excerpt_of_an_answer(as_maja, maja, tobias):
    question = ask(maja)
    answer = Answer.objects.create(question=question, author=tobias, body="Grind <b>.")

    page = inbox(as_maja)

    assert f'href="/questions/{question.pk}/#answer-{answer.pk}">Why?</a>' in page
    assert "Grind &lt;b&gt;." in page


def test_inbox_shows_no_name_of_a_deleted_actor(as_maja, tobias, espresso):
    # An event that was published outlives its actor.
    record("topic:espresso", actor=tobias)
    tobias.delete()

    assert "Someone asked" in inbox(as_maja)


def test_empty_inbox_shows_a_text(as_maja):
    page = inbox(as_maja)

    assert "No notifications yet." in page
    assert "Mark all as read" not in page


def test_inbox_is_marked_as_read_up_to_its_newest_row(as_maja, tobias, espresso):
    ask(tobias, espresso)
    ask(tobias, espresso)
    newest = Event.objects.latest("pk")

    page = inbox(as_maja)
    as_maja.post("/notifications/read/", {"up_to": newest.uid})

    assert f'name="up_to" value="{newest.uid}"' in page
    assert "Mark all as read" not in inbox(as_maja)
    assert "notifications-inbox-item notifications-unread" not in inbox(as_maja)


def test_enter_on_a_checkbox_changes_selected_rows_only(as_maja, tobias, espresso):
    ask(tobias, espresso)

    form = inbox(as_maja).split('data-key="filters"')[1]
    first = re.search(r"<button (?![^>]*type=\"button\")[^>]*>", form)[0]

    assert 'formaction="/notifications/rows/?do=read"' in first


def test_controls_of_a_row_are_named_after_it(as_maja, tobias, espresso):
    ask(tobias, espresso, title="Why <sour>?")
    ask(tobias, espresso, title="Why bitter?")

    page = inbox(as_maja)

    for control in ("Select", "Done", "Mark as read", "More options"):
        assert f'aria-label="{control}: Why &lt;sour&gt;?"' in page
        assert f'aria-label="{control}: Why bitter?"' in page


def test_inbox_links_to_older_events(as_maja, tobias, espresso):
    for number in range(31):
        ask(tobias, espresso, title=f"Number {number}?")

    first = inbox(as_maja)
    query = re.search(r'rel="next" href="/notifications/(\?before=\d+-\d+)"', first)[1]

    assert "Number 0?" not in first
    assert "Number 0?" in inbox(as_maja, query)


def test_inbox_takes_few_queries(
    as_maja, maja, tobias, espresso, django_assert_max_num_queries
):
    for _ in range(20):
        ask(tobias, espresso)

    with django_assert_max_num_queries(24):
        inbox(as_maja)


class NewPhoto(msgspec.Struct):
    title: str = ""
    url: str = ""


@pytest.fixture
def photo(as_maja):
    """A function that publishes an event of a type without a template."""
    new_photo = EventType("new_photo", NewPhoto, label="New photo")

    def publish(**payload):
        outbox.record(new_photo, topics=["topic:espresso"], payload=payload)
        return inbox(as_maja)

    yield publish
    del EventType.registry["new_photo"]


def test_event_without_a_template_shows_its_title(photo):
    page = photo(title="A <cup>", url="/photos/1/")

    assert "New photo" in page
    assert 'href="/photos/1/">A &lt;cup&gt;</a>' in page


def test_controls_of_a_row_without_a_title_are_named_after_its_type(photo):
    assert 'aria-label="Select: New photo"' in photo(url="/photos/1/")


def test_event_without_title_and_url_is_shown(photo):
    assert "<p>New photo</p>" in photo()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "x"])
def test_unsafe_url_is_not_a_link(photo, url):
    page = photo(title="Photo", url=url)

    assert "<p>Photo</p>" in page
    assert f'href="{url}"' not in page


def test_unsafe_url_of_a_type_with_a_template_is_not_a_link(as_maja, tobias):
    record("topic:espresso", title="Photo", url="javascript:alert(1)", actor=tobias)

    page = inbox(as_maja)

    assert "<p>Photo</p>" in page
    assert "javascript:" not in page


def test_event_of_an_unregistered_type_is_shown(as_maja, photo):
    photo(title="Old")
    gone = EventType.registry.pop("new_photo")

    page = inbox(as_maja)

    EventType.registry["new_photo"] = gone
    assert "New photo" in page
    assert "Old" in page
