"""What on this site becomes an event, and for whom: the whole integration."""

import msgspec
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from notifications.api import EventType, followable, topic_of, watch
from project.qa.models import Answer, Question, Topic


class NewQuestion(msgspec.Struct):
    """What a client is told of a question."""

    question_id: int
    title: str
    url: str


class NewAnswer(msgspec.Struct):
    """What a client is told of an answer."""

    answer_id: int
    question_id: int
    title: str
    url: str
    excerpt: str


NEW_QUESTION = EventType(
    "new_question",
    NewQuestion,
    label=_("New question"),
)
NEW_ANSWER = EventType(
    "new_answer",
    NewAnswer,
    label=_("New answer"),
    group="question_id",
)

followable(Topic, kind="topic", key="slug")
followable(Question, kind="question")
followable(get_user_model(), kind="user")


def subjects(question: Question) -> list[str]:
    """Return the topics that a question is asked under."""
    return [topic_of(topic) for topic in question.topics.all()]


watch(
    Question,
    NEW_QUESTION,
    topics=lambda question: [*subjects(question), topic_of(question.author)],
    payload=lambda question: NewQuestion(
        question_id=question.pk,
        title=question.title,
        url=question.get_absolute_url(),
    ),
    actor=lambda question: question.author,
    actor_follows=topic_of,
)
watch(
    Answer,
    NEW_ANSWER,
    topics=lambda answer: [
        topic_of(answer.question),
        *subjects(answer.question),
        topic_of(answer.author),
    ],
    payload=lambda answer: NewAnswer(
        answer_id=answer.pk,
        question_id=answer.question.pk,
        title=answer.question.title,
        url=answer.get_absolute_url(),
        excerpt=answer.excerpt,
    ),
    actor=lambda answer: answer.author,
    actor_follows=lambda answer: topic_of(answer.question),
)
