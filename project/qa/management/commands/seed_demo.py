"""Writes the demo to the database: accounts, topics, posts and follows."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from notifications.api import follow
from project.qa import demo
from project.qa.models import Answer, Comment, Question, Topic

EXTERNAL_ID_PREFIX = "demo:"

Tagging = Question.topics.through
Vote = Answer.voters.through


class Command(BaseCommand):
    """Create the missing parts of the demo, without events.

    Later changes are kept: the posts are created only if no post of the demo exists,
    and the follows of an account only together with it.
    """

    help = (
        "Fill the site with demo accounts (their password is "
        f"'{demo.PASSWORD}'), topics, questions and answers. Needs DEBUG."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The password of the demo accounts is public, so they are created "
                "only with DEBUG=1."
            )
        created = seed()
        if options["verbosity"] >= 1:
            self.stdout.write(" ".join(created) or "The demo exists already.")


@transaction.atomic
def seed() -> list[str]:
    """Create what is missing; return a sentence for each thing that was created."""
    accounts = create_accounts()
    posts = create_posts()
    create_follows(accounts)
    created = []
    if accounts:
        names = ", ".join(accounts)
        created.append(f"Created {names}; their password is {demo.PASSWORD}.")
    if posts:
        created.append(f"Created {posts} posts under {len(demo.TOPICS)} topics.")
    return created


def create_accounts() -> dict[str, User]:
    """Create the missing accounts and return them by name."""
    users = get_user_model().objects
    existing = account_keys()
    return {
        name: users.create_user(
            name,
            password=demo.PASSWORD,
            is_staff=name in demo.STAFF,
            is_superuser=name in demo.STAFF,
        )
        for name in demo.ACCOUNTS
        if name not in existing
    }


def create_posts() -> int:
    """Create the posts unless one of them exists; return how many were created."""
    if Question.objects.filter(external_id__startswith=EXTERNAL_ID_PREFIX).exists():
        return 0
    demo_questions = demo.read_questions()
    authors = account_keys()
    questions = create_questions(demo_questions, authors)
    create_topics(questions, demo_questions)
    answers = create_answers(questions, demo_questions, authors)
    create_votes(answers, demo_questions, authors)
    create_comments(questions, demo_questions, answers, authors)
    return len(questions) + len(answers)


def create_questions(
    demo_questions: tuple[demo.DemoQuestion, ...], authors: dict[str, int]
) -> list[Question]:
    """Create the questions, dated over the last days."""
    now = timezone.now()
    return Question.objects.bulk_create(
        Question(
            external_id=f"{EXTERNAL_ID_PREFIX}{number}",
            title=each.title,
            body=each.body,
            author_id=authors[each.author],
            created=now - timedelta(hours=each.hours_ago),
        )
        for number, each in enumerate(demo_questions, start=1)
    )


def create_answers(
    questions: list[Question],
    demo_questions: tuple[demo.DemoQuestion, ...],
    authors: dict[str, int],
) -> list[Answer]:
    """Create the answers; both lists of questions have the same order."""
    return Answer.objects.bulk_create(
        Answer(
            external_id=f"{question.external_id}-{number}",
            question=question,
            body=answer.body,
            author_id=authors[answer.author],
            accepted=answer.accepted,
            created=question.created + timedelta(hours=answer.hours_later),
        )
        for question, each in zip(questions, demo_questions, strict=True)
        for number, answer in enumerate(each.answers, start=1)
    )


def create_votes(
    answers: list[Answer],
    demo_questions: tuple[demo.DemoQuestion, ...],
    accounts: dict[str, int],
) -> None:
    """Create the votes for the answers, which are in their order."""
    written = (answer for each in demo_questions for answer in each.answers)
    Vote.objects.bulk_create(
        Vote(answer_id=answer.pk, user_id=accounts[name])
        for answer, each in zip(answers, written, strict=True)
        for name in each.votes
    )


def create_comments(
    questions: list[Question],
    demo_questions: tuple[demo.DemoQuestion, ...],
    answers: list[Answer],
    authors: dict[str, int],
) -> None:
    """Create the comments on the questions, and on the answers in their order."""
    found = iter(answers)
    commented: list[tuple[Question, Answer | None, demo.DemoComment]] = []
    for question, each in zip(questions, demo_questions, strict=True):
        commented += [(question, None, comment) for comment in each.comments]
        # In this order, since `zip` takes from the first before it finds the end.
        for written, answer in zip(each.answers, found, strict=False):
            commented += [(question, answer, comment) for comment in written.comments]
    Comment.objects.bulk_create(
        Comment(
            question=question,
            answer=answer,
            author_id=authors[comment.author],
            body=comment.body,
            created=question.created + timedelta(hours=comment.hours_later),
        )
        for question, answer, comment in commented
    )


def create_topics(
    questions: list[Question], demo_questions: tuple[demo.DemoQuestion, ...]
) -> None:
    """Create the missing topics and put the questions under their topics."""
    Topic.objects.bulk_create(
        [Topic(slug=slug, name=name) for slug, name in demo.TOPICS.items()],
        ignore_conflicts=True,
    )
    found = Topic.objects.filter(slug__in=demo.TOPICS)
    keys = dict(found.values_list("slug", "pk"))
    Tagging.objects.bulk_create(
        Tagging(question_id=question.pk, topic_id=keys[slug])
        for question, each in zip(questions, demo_questions, strict=True)
        for slug in each.topics
    )


def create_follows(accounts: dict[str, User]) -> None:
    """Let accounts follow what the demo lists, and the questions of their posts."""
    keys = account_keys()
    for name, user in accounts.items():
        for slug in demo.FOLLOWED_TOPICS.get(name, ()):
            follow(user, f"topic:{slug}")
        for person in demo.FOLLOWED_PEOPLE.get(name, ()):
            follow(user, f"user:{keys[person]}")
        wrote = Q(author=user) | Q(answers__author=user)
        for question in Question.objects.filter(wrote).distinct():
            follow(user, f"question:{question.pk}")


def account_keys() -> dict[str, int]:
    """Return the primary key of each account, by name."""
    users = get_user_model()
    name = users.USERNAME_FIELD
    found = users._default_manager.filter(**{f"{name}__in": demo.ACCOUNTS})
    return dict(found.values_list(name, "pk"))
