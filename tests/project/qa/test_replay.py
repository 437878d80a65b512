from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.utils import timezone

from notifications.models import Event
from project.qa.bulk_import import ImportStats, SiteNames
from project.qa.models import Answer, Question
from project.qa.replay import MAX_LAG_SECONDS, RateLimiter, Replay
from project.qa.stackexchange import AnswerRow, QuestionRow
from tests.users import User

WRITTEN = datetime(2015, 1, 27, 20, 9, tzinfo=UTC)
QUESTION = QuestionRow(
    id=1, created=WRITTEN, body="<p>How?</p>", owner=4, title="How?", tags=("c++", "c")
)
ANSWER = AnswerRow(id=2, created=WRITTEN, body="<p>So.</p>", owner=8, question=1)
ORPHAN = AnswerRow(id=3, created=WRITTEN, body="<p>What?</p>", owner=8, question=77)


class Clock:
    """A clock that only moves during sleeps."""

    def __init__(self):
        self.now = 100.0
        self.sleeps = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.sleeps.append(round(seconds, 6))
        self.now += seconds


class CountingRateLimiter:
    """Never waits; counts the calls."""

    def __init__(self):
        self.calls = 0

    def wait(self):
        # Waiting inside of a transaction would block all other writes.
        assert not transaction.get_connection().savepoint_ids
        self.calls += 1


@pytest.fixture
def clock():
    return Clock()


def replay(*rows):
    stats = ImportStats()
    limiter = CountingRateLimiter()
    Replay(SiteNames("coffee"), stats, rate_limiter=limiter).run(rows)
    return stats, limiter.calls


def test_first_call_does_not_wait_and_the_others_keep_the_rate(clock):
    limiter = RateLimiter(4, clock=clock, sleep=clock.sleep)

    for _ in range(4):
        limiter.wait()

    assert clock.sleeps == [0.25, 0.25, 0.25]


def test_time_between_calls_does_not_slow_the_rate(clock):
    limiter = RateLimiter(4, clock=clock, sleep=clock.sleep)

    for _ in range(41):
        limiter.wait()
        clock.now += 0.1

    assert clock.now == pytest.approx(100 + 40 / 4 + 0.1)


def test_late_call_shortens_the_next_wait(clock):
    limiter = RateLimiter(4, clock=clock, sleep=clock.sleep)
    limiter.wait()
    clock.now += 0.4

    limiter.wait()
    limiter.wait()

    assert clock.sleeps == [0.1]


def test_long_pause_is_not_followed_by_a_burst(clock):
    limiter = RateLimiter(4, clock=clock, sleep=clock.sleep)
    limiter.wait()
    clock.now += MAX_LAG_SECONDS + 60

    limiter.wait()
    limiter.wait()

    assert clock.sleeps == [0.25]


@pytest.mark.django_db
def test_posts_are_dated_now():
    before = timezone.now()

    replay(QUESTION, ANSWER)

    question, answer = Question.objects.get(), Answer.objects.get()
    assert before <= question.created <= answer.created <= timezone.now()
    assert question.body_is_html
    assert answer.question == question
    assert {topic.slug for topic in question.topics.all()} == {"c-plus-plus", "c"}


@pytest.mark.django_db
def test_each_post_records_its_event():
    replay(QUESTION, ANSWER)

    question, answer = Event.objects.order_by("pk")
    assert (question.type, answer.type) == ("new_question", "new_answer")
    assert "topic:c-plus-plus" in question.topics
    assert question.actor == User.objects.get(username="coffee-4")


@pytest.mark.django_db
def test_interrupted_replay_is_resumed():
    replay(QUESTION)

    stats, waits = replay(QUESTION, ANSWER)

    assert (stats.questions, stats.answers, stats.existing) == (0, 1, 1)
    assert waits == 1


@pytest.mark.django_db
def test_second_replay_creates_nothing_and_does_not_wait():
    replay(QUESTION, ANSWER)
    events = Event.objects.count()

    stats, waits = replay(QUESTION, ANSWER)

    assert stats.existing == 2
    assert waits == 0
    assert Event.objects.count() == events
    assert (Question.objects.count(), Answer.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_answer_without_a_question_is_reported_without_waiting():
    stats, waits = replay(ORPHAN)

    assert stats.problems == ["Post 3: it answers 77, a question that was not imported"]
    assert waits == 0
    assert not Answer.objects.exists()


@pytest.mark.django_db
def test_post_of_a_concurrent_replay_is_not_created_twice(monkeypatch):
    monkeypatch.setattr(Replay, "_find", lambda *args: None)

    replay(QUESTION)
    stats, _ = replay(QUESTION)

    assert (stats.questions, stats.existing) == (0, 1)
    assert Question.objects.count() == 1
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_failure_of_the_topics_rolls_the_question_back(monkeypatch):
    def fail(rows):
        raise KeyboardInterrupt

    monkeypatch.setattr("project.qa.replay.get_or_create_topics", fail)

    with pytest.raises(KeyboardInterrupt):
        replay(QUESTION)

    assert not Question.objects.exists()
    assert not Event.objects.exists()
    assert not User.objects.exists()
