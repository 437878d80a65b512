"""Puts the demo into the database: accounts, topics, posts and follows."""

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
from project.qa.models import Answer, Question, Topic

EXTERNAL_ID = "demo:"

Tagging = Question.topics.through


class Command(BaseCommand):
    """Make what of the demo is missing, without events.

    What somebody has changed since stays changed: posts are made only where no demo
    post is left, and an account follows something only when it is made.
    """

    help = (
        "Fill the site with demo accounts (their password is "
        f"'{demo.PASSWORD}'), topics, questions and answers. Needs DEBUG."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The demo's accounts have a password that everybody knows, so it is "
                "made only with DEBUG=1."
            )
        done = seed()
        if options["verbosity"] >= 1:
            words = " ".join(done) or "The demo is there already: nothing to do."
            self.stdout.write(words)


@transaction.atomic
def seed() -> list[str]:
    """Make what is missing; return a sentence for each thing that was made."""
    made = make_accounts()
    posts = make_posts()
    make_follows(made)
    done = []
    if made:
        done.append(f"Made {', '.join(made)}; their password is {demo.PASSWORD}.")
    if posts:
        done.append(f"Made {posts} posts under {len(demo.TOPICS)} topics.")
    return done


def make_accounts() -> dict[str, User]:
    """Make the accounts that are missing and return those."""
    users = get_user_model().objects
    there = account_keys()
    return {
        name: users.create_user(
            name,
            password=demo.PASSWORD,
            is_staff=name in demo.STAFF,
            is_superuser=name in demo.STAFF,
        )
        for name in demo.ACCOUNTS
        if name not in there
    }


def make_posts() -> int:
    """Make all posts unless one is there already; return how many were made."""
    if Question.objects.filter(external_id__startswith=EXTERNAL_ID).exists():
        return 0
    told = demo.read_questions()
    authors = account_keys()
    questions = bulk_questions(told, authors)
    tag(questions, told)
    return len(questions) + len(bulk_answers(questions, told, authors))


def bulk_questions(
    told: tuple[demo.DemoQuestion, ...], authors: dict[str, int]
) -> list[Question]:
    """Make the questions, as if asked over the last days."""
    now = timezone.now()
    return Question.objects.bulk_create(
        Question(
            external_id=f"{EXTERNAL_ID}{number}",
            title=each.title,
            body=each.body,
            author_id=authors[each.author],
            created=now - timedelta(hours=each.hours_ago),
        )
        for number, each in enumerate(told, start=1)
    )


def bulk_answers(
    questions: list[Question],
    told: tuple[demo.DemoQuestion, ...],
    authors: dict[str, int],
) -> list[Answer]:
    """Make the answers to the questions, which stand in the same order in both."""
    return Answer.objects.bulk_create(
        Answer(
            external_id=f"{question.external_id}-{number}",
            question=question,
            body=answer.body,
            author_id=authors[answer.author],
            created=question.created + timedelta(hours=answer.hours_later),
        )
        for question, each in zip(questions, told, strict=True)
        for number, answer in enumerate(each.answers, start=1)
    )


def tag(questions: list[Question], told: tuple[demo.DemoQuestion, ...]) -> None:
    """Put the questions under their topics; a topic that is there is used as it is."""
    Topic.objects.bulk_create(
        [Topic(slug=slug, name=name) for slug, name in demo.TOPICS.items()],
        ignore_conflicts=True,
    )
    found = Topic.objects.filter(slug__in=demo.TOPICS)
    keys = dict(found.values_list("slug", "pk"))
    Tagging.objects.bulk_create(
        Tagging(question_id=question.pk, topic_id=keys[slug])
        for question, each in zip(questions, told, strict=True)
        for slug in each.topics
    )


def make_follows(accounts: dict[str, User]) -> None:
    """Let accounts follow what the demo says, and the questions that they wrote on."""
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
    found = get_user_model().objects.filter(username__in=demo.ACCOUNTS)
    return dict(found.values_list("username", "pk"))
