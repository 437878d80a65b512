"""The integration with the notifications app: the site's events and followable models.

The app imports the `notifications` module of each installed app at start-up. Models,
views and forms know nothing of events.
"""

import msgspec
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from notifications.api import EventType, followable, topic_of, watch
from project.qa.models import Answer, Question, Topic


class NewQuestion(msgspec.Struct):
    """The fields that clients get with a new question, as JSON."""

    question_id: int
    title: str
    url: str


class NewAnswer(msgspec.Struct):
    """The fields that clients get with a new answer, as JSON."""

    answer_id: int
    question_id: int
    title: str
    url: str
    excerpt: str


NEW_QUESTION = EventType("new_question", NewQuestion, label=_("New question"))
# The inbox shows the answers to one question as one row.
NEW_ANSWER = EventType(
    "new_answer", NewAnswer, label=_("New answer"), group="question_id"
)

# Users follow `topic:espresso`, `question:42` and `user:7`. Everyone may see all of it.
followable(Topic, kind="topic", key="slug", public=True)
followable(Question, kind="question", public=True)
followable(get_user_model(), kind="user", public=True)


def question_topics(question: Question) -> list[str]:
    """Address a new question to the followers of its topics and of its author."""
    topics = [topic_of(topic) for topic in question.topics.all()]
    return [*topics, topic_of(question.author)]


def question_payload(question: Question) -> NewQuestion:
    """Return the payload of a new question."""
    return NewQuestion(
        question_id=question.pk,
        title=question.title,
        url=question.get_absolute_url(),
    )


def answer_topics(answer: Answer) -> list[str]:
    """Address a new answer to the followers of its question, topics and author."""
    topics = [topic_of(topic) for topic in answer.question.topics.all()]
    return [topic_of(answer.question), *topics, topic_of(answer.author)]


def answer_payload(answer: Answer) -> NewAnswer:
    """Return the payload of a new answer."""
    return NewAnswer(
        answer_id=answer.pk,
        question_id=answer.question.pk,
        title=answer.question.title,
        url=answer.get_absolute_url(),
        excerpt=answer.excerpt,
    )


# Each new object of these models becomes an event. The author is not notified about
# it, but follows the question from then on.
watch(
    Question,
    NEW_QUESTION,
    topics=question_topics,
    payload=question_payload,
    actor=lambda question: question.author,
    actor_follows=topic_of,
)
watch(
    Answer,
    NEW_ANSWER,
    topics=answer_topics,
    payload=answer_payload,
    actor=lambda answer: answer.author,
    actor_follows=lambda answer: topic_of(answer.question),
)
