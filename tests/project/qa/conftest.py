"""Fixtures for the tests of the site: users, questions and answers."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from project.qa.models import Answer, Question
from tests.stackexchange_data import write_posts
from tests.users import User


@pytest.fixture
def maja(db):
    return User.objects.create_user("maja", password="correct horse")


@pytest.fixture
def tobias(db):
    return User.objects.create_user("tobias", password="battery staple")


@pytest.fixture
def question(maja, espresso):
    question = Question.objects.create(
        title="Why is it sour?", body="It runs\n\nthrough.", author=maja
    )
    question.topics.add(espresso)
    return question


@pytest.fixture
def answer(question, tobias):
    return Answer.objects.create(question=question, author=tobias, body="Grind finer.")


@pytest.fixture
def many_questions(maja, tobias, espresso):
    """45 questions, from Q0, the newest, to Q44."""
    now = timezone.now()
    questions = Question.objects.bulk_create(
        Question(title=f"Q{n}", body="b", author=maja, created=now - timedelta(hours=n))
        for n in range(45)
    )
    espresso.questions.add(*questions)
    Answer.objects.bulk_create(
        Answer(question=question, author=tobias, body="a") for question in questions
    )
    return questions


@pytest.fixture
def as_maja(client, maja):
    client.force_login(maja)
    return client


@pytest.fixture
def inbox_of(db):
    """A function that returns the types of the events in a person's inbox."""

    def inbox_of(name):
        client = Client(headers={"accept": "application/json"})
        client.force_login(User.objects.get_by_natural_key(name))
        rows = client.get("/notifications/").json()["events"]
        return [row["type"] for row in rows for _ in range(row["total"])]

    return inbox_of


@pytest.fixture
def dump(tmp_path):
    """A dump of the site `tea` with 20 questions and 30 answers."""
    return write_posts(tmp_path / "tea-Posts.xml", questions=20, answers=30)


@pytest.fixture
def folder(tmp_path):
    """The folder for a dump of the site `coffee`."""
    folder = tmp_path / "coffee.stackexchange.com"
    folder.mkdir()
    return folder
