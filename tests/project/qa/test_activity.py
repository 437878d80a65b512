"""The page of HTML that goes on while something happens."""

import re

import pytest
from django.db import transaction
from django.urls import reverse

from notifications.api import permissions_changed
from project.qa import activity
from project.qa.models import Answer, Question

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/activity/"


@pytest.fixture
def open_page(client, log):
    """A function that returns the pieces of the page; closed at the end of the test."""
    opened = []

    def open_page():
        opened.append(client.get(URL))
        return (piece.decode() for piece in iter(opened[-1]))

    yield open_page
    for each in opened:
        each.close()


def ask(author, topic, title):
    with transaction.atomic():
        question = Question.objects.create(title=title, body="?", author=author)
        question.topics.add(topic)
    return question


def next_row(pieces):
    while "<li" not in (piece := next(pieces)):
        pass
    return piece


def test_page_begins_with_the_newest_posts_in_their_order(open_page, maja, espresso):
    first, *rest = [ask(maja, espresso, f"Q{n}") for n in range(activity.RECENT)]
    Answer.objects.create(question=first, author=maja, body="Finer.")

    start = next(open_page())

    rows = start.split("<li class=")[1:]
    titles = [title for row in rows for title in re.findall(r">(Q\d)<", row)]
    assert titles == [*(each.title for each in rest), "Q0"]
    assert "Finer." in rows[-1]
    assert "</html>" not in start


def test_question_is_a_row_once_it_is_asked(open_page, maja, espresso):
    pieces = open_page()
    assert next(pieces)

    question = ask(maja, espresso, "<b>Sour</b> & hot?")

    row = next_row(pieces)
    assert "&lt;b&gt;Sour&lt;/b&gt; &amp; hot?" in row
    assert question.get_absolute_url() in row
    assert "maja" in row
    assert "asked" in row


def test_answer_is_a_row_with_its_start(open_page, question, tobias):
    pieces = open_page()
    assert next(pieces)

    Answer.objects.create(question=question, author=tobias, body="<i>Finer</i>")

    row = next_row(pieces)
    assert "answered" in row
    assert "&lt;i&gt;Finer&lt;/i&gt;" in row


def test_post_that_the_page_shows_already_is_not_repeated(
    open_page, maja, espresso, monkeypatch
):
    find = activity._recent_rows
    # While the page is made: after it listens, and before its query.
    monkeypatch.setattr(
        activity, "_recent_rows", lambda: (ask(maja, espresso, "First"), find())[1]
    )
    pieces = open_page()
    assert "First" in next(pieces)

    ask(maja, espresso, "Second")

    assert "Second" in next_row(pieces)


def test_page_ends_after_its_time_with_a_link_to_go_on(
    open_page, question, monkeypatch
):
    monkeypatch.setattr(activity, "ACTIVITY_SECONDS", 0.05)

    *_, rest = open_page()

    assert f'<a href="{reverse("activity")}">' in rest
    assert rest.rstrip().endswith("</html>")


def test_page_ends_when_a_permission_changes(open_page, question):
    pieces = open_page()
    assert next(pieces)

    permissions_changed(topic="topic:espresso")

    *_, rest = pieces
    assert rest.rstrip().endswith("</html>")


def test_page_without_redis_has_the_newest_posts_and_ends(client, question, no_redis):
    page = b"".join(client.get(URL)).decode()

    assert question.title in page
    assert page.rstrip().endswith("</html>")


def test_browsers_and_proxies_show_the_page_at_once(client, log):
    response = client.get(URL, headers={"Accept-Encoding": "gzip"})
    start = next(iter(response))
    response.close()

    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["Content-Encoding"] == "identity"
    assert response["X-Accel-Buffering"] == "no"
    assert response["Cache-Control"] == "no-store"
    assert "script-src 'self'" in response["Content-Security-Policy"]
    # Browsers wait for up to a kilobyte before they show anything.
    assert len(start) > 1_024
