from datetime import timedelta

import pytest
from django.http import Http404
from django.utils import timezone

from project.qa.models import Question
from project.qa.pagination import paginate


def query_of(link):
    name, value = link.removeprefix("?").split("=")
    return {name: value}


def titles(page):
    return [question.title for question in page.items]


def walk(direction, start):
    page, pages = start, [start]
    while link := getattr(page, direction):
        page = paginate(Question.objects.all(), query_of(link), size=20)
        pages.append(page)
    return pages


def test_pages_have_every_question_once_newest_first(many_questions):
    pages = walk("older", paginate(Question.objects.all(), {}))

    assert [t for page in pages for t in titles(page)] == [f"Q{n}" for n in range(45)]
    assert pages[0].newer == ""
    assert pages[-1].older == ""


def test_newer_links_lead_back_to_the_first_page(many_questions):
    first = paginate(Question.objects.all(), {})
    last = walk("older", first)[-1]

    assert titles(walk("newer", last)[-1]) == titles(first)


def test_newer_page_is_the_adjacent_one(many_questions):
    last = walk("older", paginate(Question.objects.all(), {}))[-1]

    page = paginate(Question.objects.all(), query_of(last.newer))

    assert titles(page) == [f"Q{n}" for n in range(20, 40)]


def test_new_question_does_not_shift_the_next_page(many_questions, maja):
    first = paginate(Question.objects.all(), {})
    Question.objects.create(title="New", body="b", author=maja)

    second = paginate(Question.objects.all(), query_of(first.older))

    assert titles(second)[0] == "Q20"


def test_questions_of_the_same_time_are_all_shown(maja):
    now = timezone.now()
    Question.objects.bulk_create(
        Question(title=f"Q{n}", body="b", author=maja, created=now) for n in range(5)
    )
    first = paginate(Question.objects.all(), {}, size=2)
    second = paginate(Question.objects.all(), query_of(first.older), size=2)
    third = paginate(Question.objects.all(), query_of(second.older), size=2)

    found = [t for page in (first, second, third) for t in titles(page)]

    assert found == ["Q4", "Q3", "Q2", "Q1", "Q0"]


def test_exactly_one_page_has_no_neighbours(maja):
    now = timezone.now()
    Question.objects.bulk_create(
        Question(title="Q", body="b", author=maja, created=now - timedelta(hours=n))
        for n in range(20)
    )

    page = paginate(Question.objects.all(), {})

    assert (page.newer, page.older) == ("", "")


@pytest.mark.parametrize(
    "position", ["", "x", "1", "1-", "-1", "1-2-3", "9" * 20 + "-1", "\u0661-\u0661"]
)
def test_malformed_position_is_not_found(db, position):
    with pytest.raises(Http404):
        paginate(Question.objects.all(), {"before": position})


def test_largest_position_is_valid(db):
    page = paginate(Question.objects.all(), {"before": "9" * 16 + "-" + "9" * 18})

    assert page.items == []
