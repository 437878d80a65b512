"""Writes the posts of a dump to the database: what both ways of importing share, and
the fast one. It reads no file and prints nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import reset_queries, transaction

from project.qa.models import Answer, Question, Topic
from project.qa.stackexchange import (
    COMMUNITY_USER,
    AnswerRow,
    AnyPost,
    BrokenRow,
    OtherRow,
    QuestionRow,
    Row,
    tag_name,
    tag_slug,
)

BATCH_POSTS = 500
MAX_PROBLEMS_NAMED = 20

RowT = TypeVar("RowT", QuestionRow, AnswerRow)

User = get_user_model()
Tagging = Question.topics.through


@dataclass(slots=True)
class Tally:
    """What an import has done so far.

    It grows with the number of people and topics, not with that of the posts.
    """

    questions: int = 0
    answers: int = 0
    there: int = 0
    skipped: int = 0
    others: int = 0
    people: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def skip(self, problem: str) -> None:
        """Count a post that cannot be imported; the first of them are kept by name."""
        self.skipped += 1
        if len(self.problems) < MAX_PROBLEMS_NAMED:
            self.problems.append(problem)

    def count(self, row: AnyPost, *, author: str) -> None:
        """Count a post that was imported."""
        self.people.add(author)
        if isinstance(row, QuestionRow):
            self.questions += 1
            self.topics.update(map(tag_slug, row.tags))
        else:
            self.answers += 1

    def problem_lines(self) -> Iterator[str]:
        """Yield a line for each post that was skipped, and one for those left out."""
        yield from self.problems
        if more := self.skipped - len(self.problems):
            yield f"and {more} more"

    def __str__(self) -> str:
        return (
            f"{_number(self.questions, 'question')}"
            f" and {_number(self.answers, 'answer')}"
            f" by {_number(len(self.people), 'person', 'people')}"
            f" under {_number(len(self.topics), 'topic')}"
            f" ({self.there} already there, {self.skipped} skipped)"
        )


class Names:
    """How the people and posts of one site are called here."""

    def __init__(self, site: str) -> None:
        self._site = site

    def external_id(self, post_id: int) -> str:
        """Return what a post is recognised by when it is met again."""
        return f"{self._site}:{post_id}"

    def author(self, row: AnyPost) -> str:
        """Return the username of who wrote it."""
        if row.owner is None:
            return f"{self._site}-deleted"
        if row.owner == COMMUNITY_USER:
            return f"{self._site}-community"
        return f"{self._site}-{row.owner}"


def posts_of(rows: Iterable[Row], tally: Tally) -> Iterator[AnyPost]:
    """Yield the rows that are posts, and count those that are not."""
    for row in rows:
        if isinstance(row, BrokenRow):
            tally.skip(str(row))
        elif isinstance(row, OtherRow):
            tally.others += 1
        else:
            yield row


def unknown_question(row: AnswerRow) -> str:
    """Return the line that says why this answer is skipped."""
    return f"Post {row.id}: it answers {row.question}, a question that was not imported"


class BulkImport:
    """Writes posts in batches, each in one transaction, without signals or events.

    Whatever another import writes at the same time is met as already there.
    """

    def __init__(self, names: Names, tally: Tally) -> None:
        self._names = names
        self._tally = tally

    def add_questions(self, rows: Iterable[QuestionRow]) -> None:
        """Write the questions that are not there yet, with their people and topics."""
        for batch in _batches(rows):
            with transaction.atomic():
                new = self._without_known(Question, batch)
                self._write_questions(new)
            self._count(new)

    def add_answers(self, rows: Iterable[AnswerRow]) -> None:
        """Write the answers that are not there yet and whose question is there."""
        for batch in _batches(rows):
            with transaction.atomic():
                new = self._without_known(Answer, batch)
                questions = self._keys(Question, {row.question for row in new})
                placed = [row for row in new if row.question in questions]
                self._write_answers(placed, questions)
            self._count(placed)
            self._skip_unplaced(new, questions)

    def _without_known(
        self, model: type[Question | Answer], rows: list[RowT]
    ) -> list[RowT]:
        known = self._keys(model, {row.id for row in rows})
        new = {row.id: row for row in rows if row.id not in known}
        self._tally.there += len(rows) - len(new)
        return list(new.values())

    def _keys(
        self, model: type[Question | Answer], post_ids: set[int]
    ) -> dict[int, int]:
        """Return the primary key of each of these posts that is in the database."""
        ids = {self._names.external_id(post_id): post_id for post_id in post_ids}
        found = model._default_manager.filter(external_id__in=ids)
        return {
            ids[str(name)]: key for name, key in found.values_list("external_id", "pk")
        }

    def _write_questions(self, rows: list[QuestionRow]) -> None:
        authors = people({self._names.author(row) for row in rows})
        Question.objects.bulk_create(
            [self._question(row, authors) for row in rows], ignore_conflicts=True
        )
        topics = topics_of(rows)
        keys = self._keys(Question, {row.id for row in rows})
        Tagging.objects.bulk_create(
            [
                Tagging(question_id=keys[row.id], topic_id=topics[slug])
                for row in rows
                for slug in sorted(set(map(tag_slug, row.tags)))
            ],
            ignore_conflicts=True,
        )

    def _write_answers(self, rows: list[AnswerRow], questions: dict[int, int]) -> None:
        authors = people({self._names.author(row) for row in rows})
        Answer.objects.bulk_create(
            [self._answer(row, authors, questions) for row in rows],
            ignore_conflicts=True,
        )

    def _question(self, row: QuestionRow, authors: dict[str, int]) -> Question:
        return Question(
            external_id=self._names.external_id(row.id),
            title=row.title,
            body=row.body,
            body_is_html=True,
            created=row.created,
            author_id=authors[self._names.author(row)],
        )

    def _answer(
        self, row: AnswerRow, authors: dict[str, int], questions: dict[int, int]
    ) -> Answer:
        return Answer(
            external_id=self._names.external_id(row.id),
            question_id=questions[row.question],
            body=row.body,
            body_is_html=True,
            created=row.created,
            author_id=authors[self._names.author(row)],
        )

    def _count(self, rows: Iterable[AnyPost]) -> None:
        for row in rows:
            self._tally.count(row, author=self._names.author(row))

    def _skip_unplaced(self, rows: list[AnswerRow], questions: dict[int, int]) -> None:
        for row in rows:
            if row.question not in questions:
                self._tally.skip(unknown_question(row))


def people(usernames: set[str]) -> dict[str, int]:
    """Return the primary key of each of these people; make those who are missing.

    Nobody can sign in as somebody made here.
    """
    known = _people(usernames)
    # Sorted, so that two imports lock the same rows in the same order.
    missing = sorted(usernames - known.keys())
    User.objects.bulk_create(
        [User(username=name, password=make_password(None)) for name in missing],
        ignore_conflicts=True,
    )
    return known | _people(set(missing))


def topics_of(rows: Iterable[QuestionRow]) -> dict[str, int]:
    """Return the primary key of each topic, by slug; make those that are missing."""
    names = {tag_slug(tag): tag_name(tag) for row in rows for tag in row.tags}
    known = _topics(names.keys())
    missing = sorted(names.keys() - known.keys())
    Topic.objects.bulk_create(
        [Topic(slug=slug, name=names[slug]) for slug in missing], ignore_conflicts=True
    )
    return known | _topics(missing)


def _people(usernames: set[str]) -> dict[str, int]:
    found = User.objects.filter(username__in=usernames)
    return dict(found.values_list("username", "pk"))


def _topics(slugs: Iterable[str]) -> dict[str, int]:
    found = Topic.objects.filter(slug__in=list(slugs))
    return dict(found.values_list("slug", "pk"))


def _batches(rows: Iterable[RowT]) -> Iterator[list[RowT]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_POSTS)):
        yield batch
        # With DEBUG on, Django keeps the text of its last 9000 queries: gigabytes.
        reset_queries()


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
