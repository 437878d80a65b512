"""Saves the posts of a dump one by one at a steady rate, so that each makes its event.

This module reads no file and prints nothing.
"""

import time
from collections.abc import Callable, Iterable

from django.contrib.auth import get_user_model
from django.db import reset_queries, transaction

from project.qa.bulk_import import (
    ImportStats,
    SiteNames,
    get_or_create_topics,
    get_or_create_users,
    missing_question,
)
from project.qa.models import Answer, Question
from project.qa.stackexchange import AnswerRow, AnyPost, QuestionRow

# A schedule that is further behind than this starts again from now, without a burst of
# late posts. That happens when the database was locked or the machine was suspended.
MAX_LAG_SECONDS = 1.0

User = get_user_model()


class RateLimiter:
    """Lets `rate` calls a second through, on a schedule that does not drift.

    `clock` returns seconds and `sleep` takes seconds.
    """

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._interval = 1 / rate
        self._clock = clock
        self._sleep = sleep
        # When the next call is let through, by the clock.
        self._due: float | None = None

    def wait(self) -> None:
        """Sleep until the next call is due; the first one is due at once."""
        now = self._clock()
        if self._due is None or now - self._due > MAX_LAG_SECONDS:
            self._due = now
        if self._due > now:
            self._sleep(self._due - now)
        self._due += self._interval


class Replay:
    """Saves each post in a transaction of its own, at a limited rate.

    Existing posts are skipped without waiting, so an interrupted replay can be resumed.
    """

    def __init__(
        self, names: SiteNames, stats: ImportStats, *, rate_limiter: RateLimiter
    ) -> None:
        self._names = names
        self._stats = stats
        self._rate_limiter = rate_limiter

    def run(self, posts: Iterable[AnyPost]) -> None:
        """Save the posts in the given order."""
        for row in posts:
            if isinstance(row, QuestionRow):
                self._replay_question(row)
            else:
                self._replay_answer(row)
            # With DEBUG on, Django keeps the text of the last 9000 queries.
            reset_queries()

    def _replay_question(self, row: QuestionRow) -> None:
        if self._find(Question, row.id):
            self._stats.existing += 1
            return
        self._rate_limiter.wait()
        self._count(row, created=self._create_question(row))

    def _replay_answer(self, row: AnswerRow) -> None:
        if self._find(Answer, row.id):
            self._stats.existing += 1
            return
        question = self._find(Question, row.question)
        if question is None:
            self._stats.skip(missing_question(row))
            return
        self._rate_limiter.wait()
        self._count(row, created=self._create_answer(row, question))

    def _create_question(self, row: QuestionRow) -> bool:
        with transaction.atomic():
            # Another replay may have saved it in the meantime.
            question, created = Question.objects.get_or_create(
                external_id=self._names.external_id(row.id),
                defaults={
                    "title": row.title,
                    "body": row.body,
                    "body_is_html": True,
                    "author_id": self._author(row),
                },
            )
            if created:
                question.topics.set(get_or_create_topics([row]).values())
        return created

    def _create_answer(self, row: AnswerRow, question: int) -> bool:
        with transaction.atomic():
            _, created = Answer.objects.get_or_create(
                external_id=self._names.external_id(row.id),
                defaults={
                    "question_id": question,
                    "body": row.body,
                    "body_is_html": True,
                    "author_id": self._author(row),
                },
            )
        return created

    def _author(self, row: AnyPost) -> int:
        username = self._names.username(row)
        return get_or_create_users({username})[username]

    def _find(self, model: type[Question | Answer], post_id: int) -> int | None:
        name = self._names.external_id(post_id)
        found = model._default_manager.filter(external_id=name)
        return found.values_list("pk", flat=True).first()

    def _count(self, row: AnyPost, *, created: bool) -> None:
        if created:
            self._stats.add(row, author=self._names.username(row))
        else:
            self._stats.existing += 1
