"""The integration with the notifications app: the site's events and followable models.

The app imports the `notifications` module of each installed app at start-up. Models,
views and forms know nothing of events.
"""

from typing import Any

import msgspec
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from notifications.api import (
    EventType,
    follow,
    followable,
    public_topics,
    topic_of,
    watch,
)
from project.qa.models import Answer, Comment, Mention, Question, Topic


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


class NewComment(msgspec.Struct):
    """The fields that clients get with a new comment, as JSON."""

    comment_id: int
    question_id: int
    title: str
    url: str
    excerpt: str


class AcceptedAnswer(msgspec.Struct):
    """The fields that clients get with an accepted answer, as JSON."""

    answer_id: int
    question_id: int
    title: str
    url: str


class NewMention(msgspec.Struct):
    """The fields that clients get with a mention, as JSON."""

    question_id: int
    title: str
    url: str
    excerpt: str


# The inbox shows what concerns one question as one row.
NEW_QUESTION = EventType(
    "new_question",
    NewQuestion,
    label=_("New question"),
    thread="question",
    group="question_id",
)
NEW_ANSWER = EventType(
    "new_answer",
    NewAnswer,
    label=_("New answer"),
    counted=ngettext_lazy("%d answer", "%d answers"),
    thread="question",
    group="question_id",
)
COMMENT = EventType(
    "comment",
    NewComment,
    label=_("New comment"),
    counted=ngettext_lazy("%d comment", "%d comments"),
    thread="question",
    group="question_id",
)
ACCEPTED = EventType(
    "answer_accepted",
    AcceptedAnswer,
    label=_("Answer accepted"),
    thread="question",
    group="question_id",
)
MENTION = EventType(
    "mention",
    NewMention,
    label=_("Mention"),
    counted=ngettext_lazy("%d mention", "%d mentions"),
    thread="question",
    group="question_id",
)

# Users follow `topic:espresso`, `question:42` and `user:7`. Everyone may see all of it.
followable(Topic, kind="topic", key="slug", public=True)
followable(Question, kind="question", public=True)
followable(get_user_model(), kind="user", public=True)
# What concerns one user alone is addressed to `personal:7`, which only they may see.
followable(
    get_user_model(), kind="personal", label=_("your mentions and accepted answers")
)
# Who has the page of a topic open, `room:espresso`, which nobody follows.
followable(Topic, kind="room", key="slug", public=True, presence=True)


def authorize(user: Any, topic: str) -> bool:
    """Tell whether a user may see a topic: public ones, and their own personal one."""
    kind, _, key = topic.partition(":")
    if kind == "personal":
        return user.is_authenticated and key == str(user.pk)
    return public_topics(user, topic)


def personal_topic(user: Any) -> str:
    """Return the topic of what concerns one user, who follows it from now on.

    A user who has muted it does not.
    """
    topic = f"personal:{user.pk}"
    follow(user, topic, keep=True)
    return topic


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


def comment_payload(comment: Comment) -> NewComment:
    """Return the payload of a new comment."""
    return NewComment(
        comment_id=comment.pk,
        question_id=comment.question_id,
        title=comment.question.title,
        url=comment.get_absolute_url(),
        excerpt=comment.excerpt,
    )


def accepted_payload(answer: Answer) -> AcceptedAnswer:
    """Return the payload of an accepted answer."""
    return AcceptedAnswer(
        answer_id=answer.pk,
        question_id=answer.question_id,
        title=answer.question.title,
        url=answer.get_absolute_url(),
    )


def mention_payload(mention: Mention) -> NewMention:
    """Return the payload of a mention."""
    post = mention.post
    question = post if isinstance(post, Question) else post.question
    return NewMention(
        question_id=question.pk,
        title=question.title,
        url=post.get_absolute_url(),
        excerpt=post.excerpt,
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
watch(
    Comment,
    COMMENT,
    topics=lambda comment: [topic_of(comment.question)],
    payload=comment_payload,
    actor=lambda comment: comment.author,
    actor_follows=lambda comment: topic_of(comment.question),
)
# Recorded by the save that accepts the answer, and once for each answer.
watch(
    Answer,
    ACCEPTED,
    topics=lambda answer: [personal_topic(answer.author)],
    payload=accepted_payload,
    actor=lambda answer: answer.question.author,
    when=lambda answer: answer.accepted,
)
watch(
    Mention,
    MENTION,
    topics=lambda mention: [personal_topic(mention.person)],
    payload=mention_payload,
    actor=lambda mention: mention.post.author,
)
