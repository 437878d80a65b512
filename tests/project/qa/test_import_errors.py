"""How `import_stackexchange` fails: bad files and options, and interruptions."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from project.qa.bulk_import import BulkImport
from project.qa.models import Answer, Question
from project.qa.replay import Replay
from tests.project.qa.import_helpers import (
    FAST,
    both_modes,
    database_contents,
    run_import,
)
from tests.stackexchange_data import HEAD, answer, question

pytestmark = pytest.mark.django_db


@both_modes
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
def test_file_that_is_not_a_dump_fails_in_one_line_and_changes_nothing(
    folder, mode, content
):
    path = folder / "Posts.xml"
    path.write_text(content)
    before = database_contents()

    with pytest.raises(CommandError) as caught:
        run_import(path, **mode)

    assert str(caught.value).startswith(f"{path} is not a Stack Exchange Posts.xml: ")
    assert "\n" not in str(caught.value)
    assert database_contents() == before


@both_modes
def test_truncated_file_changes_nothing(dump, mode):
    content = dump.read_bytes()
    dump.write_bytes(content[: len(content) // 2])
    before = database_contents()

    with pytest.raises(CommandError, match="cut off"):
        run_import(dump, limit=3, **mode)

    assert database_contents() == before


@both_modes
def test_missing_file_is_an_error(tmp_path, mode):
    with pytest.raises(CommandError, match=r"none\.xml: No such file"):
        run_import(tmp_path / "none.xml", **mode)


@both_modes
def test_folder_is_rejected(tmp_path, mode):
    with pytest.raises(CommandError, match="is not a file"):
        run_import(tmp_path, **mode)


@pytest.mark.parametrize("rate", [0, -1, -0.5, float("nan"), float("inf")])
def test_rate_that_is_not_positive_and_finite_is_rejected(dump, rate):
    with pytest.raises(CommandError, match=r"--rate is .*; expected posts a second"):
        run_import(dump, replay=True, rate=rate)

    assert not Question.objects.exists()


def test_rate_without_replay_is_rejected(dump):
    with pytest.raises(CommandError, match="--rate needs --replay"):
        run_import(dump, rate=5)


@pytest.mark.parametrize("limit", [0, -1])
@both_modes
def test_limit_below_1_is_rejected(dump, limit, mode):
    with pytest.raises(CommandError, match=r"--limit is .*; expected a number"):
        run_import(dump, limit=limit, **mode)

    assert not Question.objects.exists()


@pytest.mark.parametrize("site", ["", "a/b", "a b", "x" * 61])
def test_invalid_site_is_rejected(dump, site):
    with pytest.raises(CommandError, match="expected a --site of up to 60"):
        run_import(dump, site=site)

    assert not Question.objects.exists()


def test_interrupted_replay_reports_its_progress_and_is_resumed(dump, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    out = StringIO()
    with (
        monkeypatch.context() as patch,
        pytest.raises(CommandError, match="run it again to resume") as caught,
    ):
        patch.setattr(Replay, "_create_answer", interrupt)
        call_command("import_stackexchange", dump, "--replay", "--rate=1e9", stdout=out)
    asked = Question.objects.count()

    rest, _ = run_import(dump, replay=True, rate=FAST)

    assert caught.value.returncode == 130
    assert out.getvalue().startswith(f"Stopped after {asked} question")
    assert f"{asked} already there" in rest
    assert (Question.objects.count(), Answer.objects.count()) == (20, 30)


def test_database_error_ends_the_import_in_one_line(dump, monkeypatch):
    def fail(*args):
        raise OperationalError("database is locked")

    monkeypatch.setattr(BulkImport, "add_answers", fail)

    with pytest.raises(CommandError, match=r"database failed \(database is locked\)"):
        run_import(dump)
