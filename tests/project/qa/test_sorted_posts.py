from datetime import UTC, datetime, timedelta

import pytest

from project.qa.sorted_posts import SortedPosts
from project.qa.stackexchange import AnswerRow, QuestionRow

START = datetime(2015, 1, 27, 20, tzinfo=UTC)


def question(post_id, *, minute):
    return QuestionRow(
        id=post_id,
        created=START + timedelta(minutes=minute),
        body="<p>Ünïcode & more</p>",
        owner=None,
        title="Why?",
        tags=("c++",),
    )


def answer(post_id, *, to, minute):
    return AnswerRow(
        id=post_id,
        created=START + timedelta(minutes=minute),
        body="<p>So.</p>",
        owner=8,
        question=to,
    )


def sorted_ids(posts, **options):
    with SortedPosts(posts, **options) as result:
        return [post.id for post in result]


def test_posts_keep_all_their_fields():
    posts = [question(1, minute=0), answer(2, to=1, minute=1)]

    with SortedPosts(posts) as result:
        assert list(result) == posts


def test_posts_are_sorted_by_date():
    posts = [question(5, minute=9), question(6, minute=3), answer(7, to=6, minute=5)]

    assert sorted_ids(posts) == [6, 7, 5]


def test_fractions_of_a_second_are_compared():
    later = question(1, minute=0.005)
    earlier = question(2, minute=0)

    assert sorted_ids([later, earlier]) == [2, 1]


def test_posts_of_one_date_are_sorted_by_id():
    assert sorted_ids(
        [question(3, minute=0), question(1, minute=0), question(2, minute=0)]
    ) == [1, 2, 3]


def test_answer_older_than_its_question_comes_right_after_it():
    posts = [answer(1, to=5, minute=0), question(5, minute=7), question(6, minute=8)]

    assert sorted_ids(posts) == [5, 1, 6]


def test_answer_without_a_question_is_sorted_by_its_own_date():
    posts = [question(1, minute=4), answer(2, to=99, minute=2)]

    assert sorted_ids(posts) == [2, 1]


def test_limit_keeps_the_oldest_posts():
    posts = [question(3, minute=3), question(2, minute=2), question(1, minute=1)]

    assert sorted_ids(posts, limit=2) == [1, 2]


def test_length_is_the_number_of_posts_kept():
    posts = [question(1, minute=1), question(2, minute=2)]

    with SortedPosts(posts, limit=1) as limited, SortedPosts(posts) as all_posts:
        assert (len(limited), len(all_posts)) == (1, 2)


def test_two_posts_with_one_id_are_both_kept():
    assert sorted_ids([question(1, minute=0), answer(1, to=1, minute=1)]) == [1, 1]


def test_no_posts_give_an_empty_result():
    assert sorted_ids([]) == []


def test_error_of_the_source_is_raised():
    def broken():
        yield question(1, minute=0)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        SortedPosts(broken())


def test_close_is_idempotent():
    posts = SortedPosts([])

    posts.close()
    posts.close()
