"""Writes the posts of a dump one by one, as if people were writing them now: ordinary
saves, from which events flow. It reads no file and prints nothing.
"""

import time
from collections.abc import Callable, Iterable

from django.contrib.auth import get_user_model
from django.db import reset_queries, transaction

from project.qa.importing import Names, Tally, people, topics_of, unknown_question
from project.qa.models import Answer, Question
from project.qa.stackexchange import AnswerRow, AnyPost, QuestionRow

# Further behind than this (the database was locked, the machine asleep), the schedule
# starts anew, so that what is late does not come in one burst.
MAX_LAG_SECONDS = 1.0

User = get_user_model()


class Pace:
    """A schedule of `rate` turns a second that does not drift with the work done."""

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
        self._due: float | None = None

    def wait(self) -> None:
        """Return when it is time for the next turn; the first is at once."""
        now = self._clock()
        if self._due is None or now - self._due > MAX_LAG_SECONDS:
            self._due = now
        if self._due > now:
            self._sleep(self._due - now)
        self._due += self._interval


class Replay:
    """Writes each post in a transaction of its own, at a pace.

    A post that is there already takes no time, so a replay that was broken off goes on
    where it was.
    """

    def __init__(self, names: Names, tally: Tally, *, pace: Pace) -> None:
        self._names = names
        self._tally = tally
        self._pace = pace

    def run(self, posts: Iterable[AnyPost]) -> None:
        """Write `posts` in their order."""
        for row in posts:
            if isinstance(row, QuestionRow):
                self._play_question(row)
            else:
                self._play_answer(row)
            # With DEBUG on, Django keeps the text of its last 9000 queries.
            reset_queries()

    def _play_question(self, row: QuestionRow) -> None:
        if self._find(Question, row.id):
            self._tally.there += 1
            return
        self._pace.wait()
        self._count(row, made=self._ask(row))

    def _play_answer(self, row: AnswerRow) -> None:
        if self._find(Answer, row.id):
            self._tally.there += 1
            return
        question = self._find(Question, row.question)
        if question is None:
            self._tally.skip(unknown_question(row))
            return
        self._pace.wait()
        self._count(row, made=self._reply(row, question))

    def _ask(self, row: QuestionRow) -> bool:
        with transaction.atomic():
            # Another replay may have written it since: then it is there, and stays.
            question, made = Question.objects.get_or_create(
                external_id=self._names.external_id(row.id),
                defaults={
                    "title": row.title,
                    "body": row.body,
                    "body_is_html": True,
                    "author_id": self._author(row),
                },
            )
            if made:
                question.topics.set(topics_of([row]).values())
        return made

    def _reply(self, row: AnswerRow, question: int) -> bool:
        with transaction.atomic():
            _, made = Answer.objects.get_or_create(
                external_id=self._names.external_id(row.id),
                defaults={
                    "question_id": question,
                    "body": row.body,
                    "body_is_html": True,
                    "author_id": self._author(row),
                },
            )
        return made

    def _author(self, row: AnyPost) -> int:
        username = self._names.author(row)
        return people({username})[username]

    def _find(self, model: type[Question | Answer], post_id: int) -> int | None:
        name = self._names.external_id(post_id)
        found = model._default_manager.filter(external_id=name)
        return found.values_list("pk", flat=True).first()

    def _count(self, row: AnyPost, *, made: bool) -> None:
        if made:
            self._tally.count(row, author=self._names.author(row))
        else:
            self._tally.there += 1
