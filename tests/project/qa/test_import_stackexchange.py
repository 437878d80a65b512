import os
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError

from notifications.models import Event
from project.qa.importing import MAX_PROBLEMS_NAMED, BulkImport
from project.qa.models import Answer, Question, Topic
from project.qa.replay import Replay
from tests.stackexchange_data import (
    HEAD,
    answer,
    question,
    row,
    write_posts,
    write_rows,
)

REAL_POSTS = os.environ.get("STACKEXCHANGE_POSTS", "")
AT_ONCE = 1e9
MODES = pytest.mark.parametrize(
    "mode", [{}, {"replay": True, "rate": AT_ONCE}], ids=["bulk", "replay"]
)

pytestmark = pytest.mark.django_db


def run(path, **options):
    """Run the import; return what it wrote to stdout and to stderr."""
    out, err = StringIO(), StringIO()
    call_command("import_stackexchange", path, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def contents():
    models = (Question, Answer, Topic, User, Event)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.fixture
def dump(tmp_path):
    return write_posts(tmp_path / "tea-Posts.xml", questions=20, answers=30)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "coffee.stackexchange.com"
    folder.mkdir()
    return folder


@MODES
def test_summary_counts_posts_people_and_topics(folder, mode):
    path = write_rows(folder / "Posts.xml", question(), answer(), answer(Id=3))

    out, err = run(path, **mode)

    assert out == (
        "Imported 1 question and 2 answers by 2 people under 2 topics"
        " (0 already there, 0 skipped).\n"
    )
    assert err == ""
    assert Question.objects.get().external_id == "coffee:1"
    assert Question.objects.get().author.username == "coffee-4"


@MODES
def test_all_posts_are_imported(dump, mode):
    out, _ = run(dump, **mode)

    assert out.startswith("Imported 20 questions and 30 answers by ")
    assert (Question.objects.count(), Answer.objects.count()) == (20, 30)


@MODES
def test_second_run_changes_nothing(dump, mode):
    run(dump, **mode)
    before = contents()

    out, _ = run(dump, **mode)

    assert contents() == before
    assert out.startswith(
        "Imported 0 questions and 0 answers by 0 people under 0 topics"
        " (50 already there, 0 skipped).\n"
    )


def test_replay_after_a_bulk_import_changes_nothing(dump):
    run(dump)
    before = contents()

    run(dump, replay=True)

    assert contents() == before


def test_bulk_import_makes_no_events(dump):
    run(dump)

    assert not Event.objects.exists()


def test_replay_makes_an_event_of_each_post(dump):
    run(dump, replay=True, rate=AT_ONCE)

    assert Event.objects.filter(type="new_question").count() == 20
    assert Event.objects.filter(type="new_answer").count() == 30


def test_replay_is_in_order_of_dates_not_of_ids(folder):
    path = write_rows(
        folder / "Posts.xml",
        question(Id=1, Title="Second", CreationDate="2015-02-01T00:00:00"),
        question(Id=2, Title="First", CreationDate="2015-01-01T00:00:00"),
    )

    run(path, replay=True, rate=AT_ONCE)

    titles = Question.objects.order_by("pk").values_list("title", flat=True)
    assert list(titles) == ["First", "Second"]


@MODES
def test_answer_before_its_question_in_the_file_is_imported(folder, mode):
    path = write_rows(folder / "Posts.xml", answer(Id=1, ParentId=5), question(Id=5))

    run(path, **mode)

    assert Answer.objects.get().question.external_id == "coffee:5"


@MODES
def test_broken_rows_are_named_and_the_others_imported(folder, mode):
    path = write_rows(
        folder / "Posts.xml",
        question(),
        question(Id=3, Title=None),
        question(Id=4, Title="x" * 201),
        answer(Id=5, ParentId=3),
        answer(),
    )

    out, err = run(path, **mode)

    assert "1 question and 1 answer" in out
    assert "3 skipped" in out
    assert err.splitlines() == [
        "Post 3: it has no Title",
        "Post 4: its Title has 201 characters; 200 is the most",
        "Post 5: it answers 3, a question that was not imported",
    ]


@MODES
def test_only_the_first_broken_rows_are_named(folder, mode):
    broken = [question(Id=n, Body="") for n in range(MAX_PROBLEMS_NAMED + 7)]
    path = write_rows(folder / "Posts.xml", *broken)

    out, err = run(path, **mode)

    assert len(err.splitlines()) == MAX_PROBLEMS_NAMED + 1
    assert err.endswith("\nand 7 more\n")
    assert f"{MAX_PROBLEMS_NAMED + 7} skipped" in out


@MODES
def test_rows_of_other_kinds_are_counted_without_a_complaint(folder, mode):
    wikis = [row(Id=n, PostTypeId=5) for n in (8, 9)]
    path = write_rows(folder / "Posts.xml", question(), *wikis)

    out, err = run(path, **mode)

    assert "0 skipped" in out
    assert "Left out 2 " in out
    assert err == ""


@MODES
def test_limit_bounds_the_number_of_posts(dump, mode):
    run(dump, limit=7, **mode)
    before = contents()

    run(dump, limit=7, **mode)

    assert Question.objects.count() + Answer.objects.count() == 7
    assert contents() == before


def test_import_without_a_limit_goes_on_after_one_with(dump):
    run(dump, limit=7)

    out, _ = run(dump)

    assert "7 already there" in out
    assert (Question.objects.count(), Answer.objects.count()) == (20, 30)


@MODES
@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello",
        "<users></users>",
        HEAD + question() + answer(),
        "<!DOCTYPE posts [<!ENTITY e 'x'>]>\n<posts>" + question() + "</posts>",
        "<?xml version='1.0' encoding='klingon'?><posts></posts>",
    ],
    ids=["empty", "text", "other-root", "cut-off", "entities", "encoding"],
)
def test_file_that_is_no_dump_fails_in_one_line_and_changes_nothing(
    folder, mode, content
):
    path = folder / "Posts.xml"
    path.write_text(content)
    before = contents()

    with pytest.raises(CommandError) as caught:
        run(path, **mode)

    assert str(caught.value).startswith(f"{path} is not a Stack Exchange Posts.xml: ")
    assert "\n" not in str(caught.value)
    assert contents() == before


@MODES
def test_file_cut_off_in_the_middle_changes_nothing(dump, mode):
    content = dump.read_bytes()
    dump.write_bytes(content[: len(content) // 2])
    before = contents()

    with pytest.raises(CommandError, match="cut off"):
        run(dump, limit=3, **mode)

    assert contents() == before


@MODES
def test_missing_file_is_named(tmp_path, mode):
    with pytest.raises(CommandError, match=r"none\.xml: No such file"):
        run(tmp_path / "none.xml", **mode)


@MODES
def test_folder_is_refused(tmp_path, mode):
    with pytest.raises(CommandError, match="is not a file"):
        run(tmp_path, **mode)


@pytest.mark.parametrize("rate", [0, -1, -0.5, float("nan"), float("inf")])
def test_rate_that_is_no_pace_is_refused(dump, rate):
    with pytest.raises(CommandError, match=r"--rate is .*; give posts a second"):
        run(dump, replay=True, rate=rate)

    assert not Question.objects.exists()


def test_rate_without_replay_is_refused(dump):
    with pytest.raises(CommandError, match="give --replay as well"):
        run(dump, rate=5)


@pytest.mark.parametrize("limit", [0, -1])
@MODES
def test_limit_below_one_is_refused(dump, limit, mode):
    with pytest.raises(CommandError, match=r"--limit is .*; give a number of posts"):
        run(dump, limit=limit, **mode)

    assert not Question.objects.exists()


@pytest.mark.parametrize("site", ["", "a/b", "a b", "x" * 61])
def test_site_that_is_no_name_is_refused(dump, site):
    with pytest.raises(CommandError, match="give a --site of up to 60"):
        run(dump, site=site)

    assert not Question.objects.exists()


def test_site_is_named_by_option_before_file(dump):
    run(dump, site="Coffee")

    assert not Question.objects.exclude(external_id__startswith="coffee:").exists()


def test_site_is_named_by_file(dump):
    run(dump)

    assert not Question.objects.exclude(external_id__startswith="tea:").exists()
    assert User.objects.filter(username="tea-deleted").exists()


def test_interrupted_replay_says_how_far_it_came_and_goes_on(dump, monkeypatch):
    reply = Replay._reply

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Replay, "_reply", interrupt)
    out = StringIO()
    with pytest.raises(CommandError, match="run it again to go on") as caught:
        call_command("import_stackexchange", dump, "--replay", "--rate=1e9", stdout=out)
    asked = Question.objects.count()
    monkeypatch.setattr(Replay, "_reply", reply)

    rest, _ = run(dump, replay=True, rate=AT_ONCE)

    assert caught.value.returncode == 130
    assert out.getvalue().startswith(f"Stopped after {asked} question")
    assert f"{asked} already there" in rest
    assert (Question.objects.count(), Answer.objects.count()) == (20, 30)


def test_database_that_fails_ends_the_import_in_one_line(dump, monkeypatch):
    def fail(*args):
        raise OperationalError("database is locked")

    monkeypatch.setattr(BulkImport, "add_answers", fail)

    with pytest.raises(CommandError, match=r"gave up \(database is locked\)"):
        run(dump)


@pytest.mark.skipif(not REAL_POSTS, reason="STACKEXCHANGE_POSTS names no file")
@MODES
def test_real_dump_is_imported_whole(mode):
    out, err = run(Path(REAL_POSTS), **mode)

    assert "(0 already there, 0 skipped)" in out
    assert err == ""
    for post in [*Question.objects.all(), *Answer.objects.all()]:
        assert post.body_as_html
