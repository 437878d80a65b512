"""What happens on the site, as a page of HTML that goes on while it happens."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Self

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from notifications.api import public_events
from notifications.exceptions import CannotStream, LogUnavailable, TooManyStreams
from project.qa.models import Answer, Question
from project.streamed_page import MARK, StreamedPage

# How long the page goes on.
ACTIVITY_SECONDS = 600.0
# How many of the newest posts it begins with.
RECENT = 5
TYPES = {"new_question", "new_answer"}
# What is written while nothing happens, so that a reader who has left is noticed.
NOTHING = "\n"


@dataclass(frozen=True, slots=True)
class Row:
    """A question or an answer, as the page shows it."""

    url: str
    title: str
    author: str
    created: datetime
    # Of an answer only.
    excerpt: str = ""

    @classmethod
    def of_question(cls, question: Question) -> Self:
        """Return the row of a question."""
        author = question.author.get_username()
        url = question.get_absolute_url()
        return cls(url, question.title, author, question.created)

    @classmethod
    def of_answer(cls, answer: Answer) -> Self:
        """Return the row of an answer."""
        author = answer.author.get_username()
        url, title = answer.get_absolute_url(), answer.question.title
        return cls(url, title, author, answer.created, answer.excerpt)

    @classmethod
    def of_event(cls, event: dict[str, Any]) -> Self:
        """Return the row of a new question or answer, from its event."""
        author = event["actor"]["name"] if event["actor"] else ""
        created = datetime.fromisoformat(event["created"])
        excerpt = event.get("excerpt", "")
        return cls(event["url"], event["title"], author, created, excerpt)


@require_GET
def activity(request: HttpRequest) -> StreamedPage:
    """Show the newest posts, and each new one when it comes."""
    # Before the query, so that nothing is missed in between.
    events = _listen(request)
    recent = _recent_rows()
    context = {"rows": recent, "mark": MARK}
    page = render_to_string("qa/activity.html", context, request)
    pieces = _pieces(events, shown={row.url for row in recent})
    return StreamedPage(page, pieces, request)


def _listen(request: HttpRequest) -> Iterator[dict[str, Any] | None]:
    """Return the events; none if there can be no stream now."""
    try:
        return public_events(request, topics=["topic:*"], seconds=ACTIVITY_SECONDS)
    except (LogUnavailable, TooManyStreams, CannotStream):
        return iter(())


def _recent_rows() -> list[Row]:
    questions = Question.objects.select_related("author")[:RECENT]
    answers = Answer.objects.select_related("author", "question")
    newest = answers.order_by("-created", "-id")[:RECENT]
    rows = chain(map(Row.of_question, questions), map(Row.of_answer, newest))
    return sorted(rows, key=lambda row: row.created)[-RECENT:]


def _pieces(
    events: Iterable[dict[str, Any] | None], *, shown: set[str]
) -> Iterator[str]:
    """Yield a row for each event that the page does not show already."""
    for event in events:
        if event and event["type"] in TYPES and event["url"] not in shown:
            row = Row.of_event(event)
            yield render_to_string("qa/_activity_row.html", {"row": row})
        else:
            yield NOTHING
