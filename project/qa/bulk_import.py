"""Writes the posts of a dump to the database in bulk; sends no signals.

`replay` shares the helpers. This module reads no file and prints nothing.
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
MAX_PROBLEMS_SHOWN = 20

RowT = TypeVar("RowT", QuestionRow, AnswerRow)

User = get_user_model()
Tagging = Question.topics.through


@dataclass(slots=True)
class ImportStats:
    """Counts of what an import has done so far.

    Its size grows with the number of authors and topics, not with that of posts.
    """

    questions: int = 0
    answers: int = 0
    existing: int = 0
    skipped: int = 0
    other_rows: int = 0
    authors: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def skip(self, problem: str) -> None:
        """Count a post that cannot be imported; keep the first few messages."""
        self.skipped += 1
        if len(self.problems) < MAX_PROBLEMS_SHOWN:
            self.problems.append(problem)

    def add(self, row: AnyPost, *, author: str) -> None:
        """Count a post that was imported."""
        self.authors.add(author)
        if isinstance(row, QuestionRow):
            self.questions += 1
            self.topics.update(map(tag_slug, row.tags))
        else:
            self.answers += 1

    def problem_lines(self) -> Iterator[str]:
        """Yield the first problems, and a last line with the number of the others."""
        yield from self.problems
        if more := self.skipped - len(self.problems):
            yield f"and {more} more"

    def __str__(self) -> str:
        return (
            f"{_plural(self.questions, 'question')}"
            f" and {_plural(self.answers, 'answer')}"
            f" by {_plural(len(self.authors), 'person', 'people')}"
            f" under {_plural(len(self.topics), 'topic')}"
            f" ({self.existing} already there, {self.skipped} skipped)"
        )


class SiteNames:
    """Names of the users and posts that are imported from one site."""

    def __init__(self, site: str) -> None:
        self._site = site

    def external_id(self, post_id: int) -> str:
        """Return the external id of a post, by which a later import finds it."""
        return f"{self._site}:{post_id}"

    def username(self, row: AnyPost) -> str:
        """Return the username of the author of a post."""
        if row.owner is None:
            return f"{self._site}-deleted"
        if row.owner == COMMUNITY_USER:
            return f"{self._site}-community"
        return f"{self._site}-{row.owner}"


def only_posts(rows: Iterable[Row], stats: ImportStats) -> Iterator[AnyPost]:
    """Yield the rows that are posts; count the others."""
    for row in rows:
        if isinstance(row, BrokenRow):
            stats.skip(str(row))
        elif isinstance(row, OtherRow):
            stats.other_rows += 1
        else:
            yield row


def missing_question(row: AnswerRow) -> str:
    """Return the message for an answer whose question is not in the database."""
    return f"Post {row.id}: it answers {row.question}, a question that was not imported"


class BulkImport:
    """Writes posts in batches, each in one transaction, without signals or events.

    Imports may run at the same time: each skips what another one has written.
    """

    def __init__(self, names: SiteNames, stats: ImportStats) -> None:
        self._names = names
        self._stats = stats

    def add_questions(self, rows: Iterable[QuestionRow]) -> None:
        """Write the new questions, with their authors and topics."""
        for batch in _batches(rows):
            with transaction.atomic():
                new = self._without_existing(Question, batch)
                self._write_questions(new)
            self._count(new)

    def add_answers(self, rows: Iterable[AnswerRow]) -> None:
        """Write the new answers; skip those whose question is missing."""
        for batch in _batches(rows):
            with transaction.atomic():
                new = self._without_existing(Answer, batch)
                questions = self._keys(Question, {row.question for row in new})
                complete = [row for row in new if row.question in questions]
                self._write_answers(complete, questions)
            self._count(complete)
            self._skip_without_question(new, questions)

    def _without_existing(
        self, model: type[Question | Answer], rows: list[RowT]
    ) -> list[RowT]:
        existing = self._keys(model, {row.id for row in rows})
        new = {row.id: row for row in rows if row.id not in existing}
        self._stats.existing += len(rows) - len(new)
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
        authors = get_or_create_users({self._names.username(row) for row in rows})
        Question.objects.bulk_create(
            [self._question(row, authors) for row in rows], ignore_conflicts=True
        )
        topics = get_or_create_topics(rows)
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
        authors = get_or_create_users({self._names.username(row) for row in rows})
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
            author_id=authors[self._names.username(row)],
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
            author_id=authors[self._names.username(row)],
        )

    def _count(self, rows: Iterable[AnyPost]) -> None:
        for row in rows:
            self._stats.add(row, author=self._names.username(row))

    def _skip_without_question(
        self, rows: list[AnswerRow], questions: dict[int, int]
    ) -> None:
        for row in rows:
            if row.question not in questions:
                self._stats.skip(missing_question(row))


def get_or_create_users(usernames: set[str]) -> dict[str, int]:
    """Return the primary key of each user by name; create the missing users.

    The new users have no password, so nobody can sign in as one of them.
    """
    known = _user_keys(usernames)
    # Sorted, so that two imports lock the same rows in the same order.
    missing = sorted(usernames - known.keys())
    User._default_manager.bulk_create(
        [
            User(**{User.USERNAME_FIELD: name}, password=make_password(None))
            for name in missing
        ],
        ignore_conflicts=True,
    )
    return known | _user_keys(set(missing))


def get_or_create_topics(rows: Iterable[QuestionRow]) -> dict[str, int]:
    """Return the primary key of each topic by slug; create the missing topics."""
    names = {tag_slug(tag): tag_name(tag) for row in rows for tag in row.tags}
    known = _topic_keys(names.keys())
    missing = sorted(names.keys() - known.keys())
    Topic.objects.bulk_create(
        [Topic(slug=slug, name=names[slug]) for slug in missing], ignore_conflicts=True
    )
    return known | _topic_keys(missing)


def _user_keys(usernames: set[str]) -> dict[str, int]:
    found = User._default_manager.filter(**{f"{User.USERNAME_FIELD}__in": usernames})
    return dict(found.values_list(User.USERNAME_FIELD, "pk"))


def _topic_keys(slugs: Iterable[str]) -> dict[str, int]:
    found = Topic.objects.filter(slug__in=list(slugs))
    return dict(found.values_list("slug", "pk"))


def _batches(rows: Iterable[RowT]) -> Iterator[list[RowT]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_POSTS)):
        yield batch
        # With DEBUG on, Django keeps the text of the last 9000 queries: gigabytes.
        reset_queries()


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
