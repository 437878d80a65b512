from datetime import UTC, datetime, timedelta

import pytest

from project.qa.chronology import Chronology
from project.qa.stackexchange import AnswerRow, QuestionRow

START = datetime(2015, 1, 27, 20, tzinfo=UTC)


def ask(post_id, *, minute):
    return QuestionRow(
        id=post_id,
        created=START + timedelta(minutes=minute),
        body="<p>Ünïcode & more</p>",
        owner=None,
        title="Why?",
        tags=("c++",),
    )


def reply(post_id, *, to, minute):
    return AnswerRow(
        id=post_id,
        created=START + timedelta(minutes=minute),
        body="<p>So.</p>",
        owner=8,
        question=to,
    )


def order(posts, **options):
    with Chronology(posts, **options) as chronology:
        return [post.id for post in chronology]


def test_posts_come_back_as_they_were():
    posts = [ask(1, minute=0), reply(2, to=1, minute=1)]

    with Chronology(posts) as chronology:
        assert list(chronology) == posts


def test_posts_come_in_order_of_their_dates():
    posts = [ask(5, minute=9), ask(6, minute=3), reply(7, to=6, minute=5)]

    assert order(posts) == [6, 7, 5]


def test_fractions_of_a_second_count():
    late = ask(1, minute=0.005)
    early = ask(2, minute=0)

    assert order([late, early]) == [2, 1]


def test_posts_of_one_moment_come_in_order_of_their_ids():
    assert order([ask(3, minute=0), ask(1, minute=0), ask(2, minute=0)]) == [1, 2, 3]


def test_answer_older_than_its_question_comes_right_after_it():
    posts = [reply(1, to=5, minute=0), ask(5, minute=7), ask(6, minute=8)]

    assert order(posts) == [5, 1, 6]


def test_answer_to_nothing_keeps_its_date():
    posts = [ask(1, minute=4), reply(2, to=99, minute=2)]

    assert order(posts) == [2, 1]


def test_limit_keeps_the_oldest():
    posts = [ask(3, minute=3), ask(2, minute=2), ask(1, minute=1)]

    assert order(posts, limit=2) == [1, 2]


def test_length_is_the_number_of_posts_to_come():
    posts = [ask(1, minute=1), ask(2, minute=2)]

    with Chronology(posts, limit=1) as short, Chronology(posts) as whole:
        assert (len(short), len(whole)) == (1, 2)


def test_two_posts_with_one_id_both_come():
    assert order([ask(1, minute=0), reply(1, to=1, minute=1)]) == [1, 1]


def test_no_posts_make_an_empty_order():
    assert order([]) == []


def test_failing_source_is_passed_on():
    def broken():
        yield ask(1, minute=0)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        Chronology(broken())


def test_closing_may_be_repeated():
    chronology = Chronology([])

    chronology.close()
    chronology.close()
