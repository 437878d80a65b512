from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from notifications.models import Event
from project.qa.importing import Names, Tally
from project.qa.models import Answer, Question
from project.qa.replay import MAX_LAG_SECONDS, Pace, Replay
from project.qa.stackexchange import AnswerRow, QuestionRow

WRITTEN = datetime(2015, 1, 27, 20, 9, tzinfo=UTC)
ASKED = QuestionRow(
    id=1, created=WRITTEN, body="<p>How?</p>", owner=4, title="How?", tags=("c++", "c")
)
REPLIED = AnswerRow(id=2, created=WRITTEN, body="<p>So.</p>", owner=8, question=1)
ORPHAN = AnswerRow(id=3, created=WRITTEN, body="<p>What?</p>", owner=8, question=77)


class Clock:
    """Stands still but for what is slept."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now += seconds


class CountingPace:
    """Never waits, and knows how often it was asked to."""

    def __init__(self):
        self.turns = 0

    def wait(self):
        # Waiting in a transaction would keep everybody else from writing.
        assert not transaction.get_connection().savepoint_ids
        self.turns += 1


@pytest.fixture
def clock():
    return Clock()


def replay(*rows):
    tally = Tally()
    pace = CountingPace()
    Replay(Names("coffee"), tally, pace=pace).run(rows)
    return tally, pace.turns


def test_first_turn_is_at_once_and_the_others_at_the_rate(clock):
    pace = Pace(4, clock=clock, sleep=clock.sleep)

    for _ in range(4):
        pace.wait()

    assert clock.slept == [0.25, 0.25, 0.25]


def test_time_spent_on_work_does_not_make_the_pace_drift(clock):
    pace = Pace(4, clock=clock, sleep=clock.sleep)

    for _ in range(41):
        pace.wait()
        clock.now += 0.1

    assert clock.now == pytest.approx(100 + 40 / 4 + 0.1)


def test_turn_that_comes_late_is_made_up_for(clock):
    pace = Pace(4, clock=clock, sleep=clock.sleep)
    pace.wait()
    clock.now += 0.4

    pace.wait()
    pace.wait()

    assert clock.slept == [0.1]


def test_long_stop_is_not_followed_by_a_burst(clock):
    pace = Pace(4, clock=clock, sleep=clock.sleep)
    pace.wait()
    clock.now += MAX_LAG_SECONDS + 60

    pace.wait()
    pace.wait()

    assert clock.slept == [0.25]


@pytest.mark.django_db
def test_posts_are_written_as_of_now():
    before = timezone.now()

    replay(ASKED, REPLIED)

    question, answer = Question.objects.get(), Answer.objects.get()
    assert before <= question.created <= answer.created <= timezone.now()
    assert question.body_is_html
    assert answer.question == question
    assert {topic.slug for topic in question.topics.all()} == {"c-plus-plus", "c"}


@pytest.mark.django_db
def test_each_post_makes_its_event():
    replay(ASKED, REPLIED)

    question, answer = Event.objects.order_by("pk")
    assert (question.type, answer.type) == ("new_question", "new_answer")
    assert "topic:c-plus-plus" in question.topics
    assert question.actor == User.objects.get(username="coffee-4")


@pytest.mark.django_db
def test_replay_that_was_broken_off_goes_on_where_it_was():
    replay(ASKED)

    tally, turns = replay(ASKED, REPLIED)

    assert (tally.questions, tally.answers, tally.there) == (0, 1, 1)
    assert turns == 1


@pytest.mark.django_db
def test_second_replay_makes_nothing_and_waits_for_nothing():
    replay(ASKED, REPLIED)
    events = Event.objects.count()

    tally, turns = replay(ASKED, REPLIED)

    assert tally.there == 2
    assert turns == 0
    assert Event.objects.count() == events
    assert (Question.objects.count(), Answer.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_answer_to_nothing_is_named_without_waiting():
    tally, turns = replay(ORPHAN)

    assert tally.problems == ["Post 3: it answers 77, a question that was not imported"]
    assert turns == 0
    assert not Answer.objects.exists()


@pytest.mark.django_db
def test_post_that_another_replay_wrote_meanwhile_is_not_made_twice(monkeypatch):
    monkeypatch.setattr(Replay, "_find", lambda *args: None)

    replay(ASKED)
    tally, _ = replay(ASKED)

    assert (tally.questions, tally.there) == (0, 1)
    assert Question.objects.count() == 1
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_question_whose_topics_fail_is_not_there_at_all(monkeypatch):
    def fail(rows):
        raise KeyboardInterrupt

    monkeypatch.setattr("project.qa.replay.topics_of", fail)

    with pytest.raises(KeyboardInterrupt):
        replay(ASKED)

    assert not Question.objects.exists()
    assert not Event.objects.exists()
    assert not User.objects.exists()
