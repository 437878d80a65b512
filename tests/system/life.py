"""What people do on a site, at random and one after the other.

Runs in the site's console. Each act that has an effect is noted, for the oracle of
tests/system/ledger.py; the notes are made here, and not by the app.
"""

import random
import time
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from notifications.api import follow, unfollow
from notifications.models import Follow
from project.qa.models import Answer, Question, Topic

LEVELS = ["follow", "watch", "mute", "none"]
Note = dict[str, Any]


# The life of the console's site.
current: "Life"


class RolledBack(Exception):
    """Ends a transaction without an effect."""


class Life:
    """The acts of these people under topics with these slugs."""

    def __init__(self, *, seed: int, people: list[int], slugs: list[str]) -> None:
        self._chance = random.Random(seed)
        self._people = people
        self._topics = list(Topic.objects.filter(slug__in=slugs).order_by("slug"))
        self._notes: list[Note] = []
        # What may happen while Redis is away: changes of follows would come before
        # the events that are pending, and nobody has promised otherwise.
        self._calm_acts = [
            self._ask, self._ask, self._ask, self._answer_as_follower,
            self._delete_question, self._delete_answer, self._retag, self._roll_back,
        ]  # fmt: skip
        self._acts = [
            *self._calm_acts, self._answer, self._answer, self._answer, self._answer,
            self._change_follow, self._change_follow, self._change_follow,
        ]  # fmt: skip

    def run(self, count: int, *, calm: bool = False) -> list[Note]:
        """Let this many things happen; return the notes."""
        self._notes = []
        for _ in range(count):
            self._chance.choice(self._calm_acts if calm else self._acts)()
            _next_millisecond()
        return self._notes

    def ask(self, author: int, slug: str) -> list[Note]:
        """Let this person ask under this topic; return the notes."""
        self._notes = []
        self._write_question(author, [Topic.objects.get(slug=slug)])
        return self._notes

    def _write_question(self, author: int, topics: list[Topic]) -> None:
        with transaction.atomic():
            question = Question.objects.create(title="?", body="?", author_id=author)
            question.topics.set(topics)
        self._notes += [
            self._event(
                "new_question", question, [_user(author), *map(_topic, topics)]
            ),
            {"act": "follows", "person": author, "topic": f"question:{question.pk}"},
        ]

    def _ask(self) -> None:
        count = self._chance.randint(1, 3)
        self._write_question(self._anyone(), self._chance.sample(self._topics, count))

    def _answer(self) -> None:
        if question := self._any(Question):
            self._write_answer(question, self._anyone())

    def _answer_as_follower(self) -> None:
        """Answer as somebody who follows the question already."""
        question = self._any(Question)
        if question is None:
            return
        followers = Follow.objects.filter(
            topic=f"question:{question.pk}", user__in=self._people
        )
        if found := sorted(followers.values_list("user", flat=True)):
            self._write_answer(question, self._chance.choice(found))

    def _write_answer(self, question: Question, author: int) -> None:
        topics = [_topic(each) for each in question.topics.all()]
        answer = Answer.objects.create(question=question, body="!", author_id=author)
        of_question = f"question:{question.pk}"
        self._notes += [
            self._event("new_answer", answer, [of_question, _user(author), *topics]),
            {"act": "follows", "person": author, "topic": of_question},
        ]

    def _delete_question(self) -> None:
        question = self._any(Question)
        # Rarely: most of what is told stays.
        if question is None or self._chance.random() > 0.3:
            return
        answers = question.answers.values_list("pk", flat=True)
        gone = [["new_question", question.pk], *(["new_answer", pk] for pk in answers)]
        question.delete()
        self._notes.append({"act": "delete", "events": gone})

    def _delete_answer(self) -> None:
        if answer := self._any(Answer):
            gone = [["new_answer", answer.pk]]
            answer.delete()
            self._notes.append({"act": "delete", "events": gone})

    def _retag(self) -> None:
        """Give a question other topics, which is no news."""
        if question := self._any(Question):
            question.topics.set(self._chance.sample(self._topics, 2))

    def _roll_back(self) -> None:
        """Ask and answer in a transaction that fails, or that deletes it again."""
        fails = self._chance.random() < 0.5
        try:
            with transaction.atomic():
                author = self._anyone()
                question = Question.objects.create(
                    title="?", body="?", author_id=author
                )
                question.topics.set(self._topics)
                answered = Answer(question=question, body="!", author_id=author)
                answered.save()
                # An object that never was leaves no follow either.
                Follow.objects.filter(topic=f"question:{question.pk}").delete()
                if fails:
                    raise RolledBack
                question.delete()
        except RolledBack:
            pass

    def _change_follow(self) -> None:
        person, level = self._anyone(), self._chance.choice(LEVELS)
        topic = self._chance.choice(
            [_topic(self._chance.choice(self._topics)), _user(self._anyone())]
        )
        user = User.objects.get(pk=person)
        if level == "none":
            unfollow(user, topic)
        else:
            follow(user, topic, level=level)
        self._notes.append(
            {"act": "level", "person": person, "topic": topic, "level": level}
        )

    def _anyone(self) -> int:
        return self._chance.choice(self._people)

    def _any(self, model: Any) -> Any:
        """Return one of the newest objects of a model, or None."""
        newest = list(model.objects.order_by("-pk")[:20])
        return self._chance.choice(newest) if newest else None

    @staticmethod
    def _event(name: str, post: Any, topics: list[str]) -> Note:
        return {
            "act": "event",
            "event": [name, post.pk],
            "author": post.author_id,
            "topics": topics,
        }


def _next_millisecond() -> None:
    """Wait for it: in one and the same, a follow and an event have no order."""
    start = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == start:
        pass


def _topic(topic: Topic) -> str:
    return f"topic:{topic.slug}"


def _user(person: int) -> str:
    return f"user:{person}"
