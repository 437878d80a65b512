"""What `import_stackexchange` writes to the database, and its summary."""

import os
from pathlib import Path

import pytest

from notifications.models import Event
from project.qa.bulk_import import MAX_PROBLEMS_SHOWN
from project.qa.models import Answer, Question
from tests.project.qa.import_helpers import (
    FAST,
    both_modes,
    database_contents,
    run_import,
)
from tests.stackexchange_data import answer, question, row, write_rows
from tests.users import User

REAL_POSTS = os.environ.get("STACKEXCHANGE_POSTS", "")

pytestmark = pytest.mark.django_db


@both_modes
def test_summary_counts_posts_users_and_topics(folder, mode):
    path = write_rows(folder / "Posts.xml", question(), answer(), answer(Id=3))

    out, err = run_import(path, **mode)

    assert out == (
        "Imported 1 question and 2 answers by 2 people under 2 topics"
        " (0 already there, 0 skipped).\n"
    )
    assert err == ""
    assert Question.objects.get().external_id == "coffee:1"
    assert Question.objects.get().author.get_username() == "coffee-4"


@both_modes
def test_all_posts_are_imported(dump, mode):
    out, _ = run_import(dump, **mode)

    assert out.startswith("Imported 20 questions and 30 answers by ")
    assert (Question.objects.count(), Answer.objects.count()) == (20, 30)


@both_modes
def test_second_run_changes_nothing(dump, mode):
    run_import(dump, **mode)
    before = database_contents()

    out, _ = run_import(dump, **mode)

    assert database_contents() == before
    assert out.startswith(
        "Imported 0 questions and 0 answers by 0 people under 0 topics"
        " (50 already there, 0 skipped).\n"
    )


def test_replay_after_a_bulk_import_changes_nothing(dump):
    run_import(dump)
    before = database_contents()

    run_import(dump, replay=True)

    assert database_contents() == before


def test_bulk_import_records_no_events(dump):
    run_import(dump)

    assert not Event.objects.exists()


def test_replay_records_an_event_for_each_post(dump):
    run_import(dump, replay=True, rate=FAST)

    assert Event.objects.filter(type="new_question").count() == 20
    assert Event.objects.filter(type="new_answer").count() == 30


def test_replay_is_in_the_order_of_dates_not_of_ids(folder):
    path = write_rows(
        folder / "Posts.xml",
        question(Id=1, Title="Second", CreationDate="2015-02-01T00:00:00"),
        question(Id=2, Title="First", CreationDate="2015-01-01T00:00:00"),
    )

    run_import(path, replay=True, rate=FAST)

    titles = Question.objects.order_by("pk").values_list("title", flat=True)
    assert list(titles) == ["First", "Second"]


@both_modes
def test_answer_before_its_question_in_the_file_is_imported(folder, mode):
    path = write_rows(folder / "Posts.xml", answer(Id=1, ParentId=5), question(Id=5))

    run_import(path, **mode)

    assert Answer.objects.get().question.external_id == "coffee:5"


@both_modes
def test_broken_rows_are_reported_and_the_others_imported(folder, mode):
    path = write_rows(
        folder / "Posts.xml",
        question(),
        question(Id=3, Title=None),
        question(Id=4, Title="x" * 201),
        answer(Id=5, ParentId=3),
        answer(),
    )

    out, err = run_import(path, **mode)

    assert "1 question and 1 answer" in out
    assert "3 skipped" in out
    assert err.splitlines() == [
        "Post 3: it has no Title",
        "Post 4: its Title has 201 characters; expected at most 200",
        "Post 5: it answers 3, a question that was not imported",
    ]


@both_modes
def test_only_the_first_broken_rows_are_reported(folder, mode):
    broken = [question(Id=n, Body="") for n in range(MAX_PROBLEMS_SHOWN + 7)]
    path = write_rows(folder / "Posts.xml", *broken)

    out, err = run_import(path, **mode)

    assert len(err.splitlines()) == MAX_PROBLEMS_SHOWN + 1
    assert err.endswith("\nand 7 more\n")
    assert f"{MAX_PROBLEMS_SHOWN + 7} skipped" in out


@both_modes
def test_rows_of_other_types_are_counted_but_not_reported(folder, mode):
    wikis = [row(Id=n, PostTypeId=5) for n in (8, 9)]
    path = write_rows(folder / "Posts.xml", question(), *wikis)

    out, err = run_import(path, **mode)

    assert "0 skipped" in out
    assert "Left out 2 " in out
    assert err == ""


@both_modes
def test_limit_is_the_maximum_number_of_posts(dump, mode):
    run_import(dump, limit=7, **mode)
    before = database_contents()

    run_import(dump, limit=7, **mode)

    assert Question.objects.count() + Answer.objects.count() == 7
    assert database_contents() == before


def test_import_without_a_limit_resumes_one_with_a_limit(dump):
    run_import(dump, limit=7)

    out, _ = run_import(dump)

    assert "7 already there" in out
    assert (Question.objects.count(), Answer.objects.count()) == (20, 30)


def test_site_option_overrides_the_file_name(dump):
    run_import(dump, site="Coffee")

    assert not Question.objects.exclude(external_id__startswith="coffee:").exists()


def test_site_name_is_taken_from_the_file_name(dump):
    run_import(dump)

    assert not Question.objects.exclude(external_id__startswith="tea:").exists()
    assert User.objects.filter(username="tea-deleted").exists()


@pytest.mark.skipif(not REAL_POSTS, reason="STACKEXCHANGE_POSTS names no file")
@both_modes
def test_real_dump_is_imported_completely(mode):
    out, err = run_import(Path(REAL_POSTS), **mode)

    assert "(0 already there, 0 skipped)" in out
    assert err == ""
    for post in [*Question.objects.all(), *Answer.objects.all()]:
        assert post.body_as_html
