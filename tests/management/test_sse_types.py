import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import gettext_lazy, override

from notifications.publishing.event_types import EventType
from tests import ROOT

NAMES = ["events.d.ts", "events.schema.json"]
OUT_OF_DATE = 1
INVALID_INPUT = 2


class Comment(msgspec.Struct):
    comment_id: int


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """The registry with one event type, to which a test may add others."""
    monkeypatch.setattr(EventType, "registry", {})
    EventType("new_comment", Comment, label="New comment")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "frontend" / "types"


def write(folder, *options):
    """Run the command; return the lines that it printed."""
    out = io.StringIO()
    call_command("sse_types", folder, *options, stdout=out)
    return out.getvalue().splitlines()


def refused(folder, *options, code):
    """Run the command, which fails; return the error."""
    with pytest.raises(CommandError) as caught:
        write(folder, *options)
    assert caught.value.returncode == code
    return str(caught.value)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_both_files_are_written_and_printed(folder):
    printed = write(folder)

    assert sorted(contents(folder)) == NAMES
    assert printed == [str(folder / name) for name in NAMES]


def test_files_describe_the_registered_event_types(folder):
    write(folder)

    schema = json.loads((folder / "events.schema.json").read_text())
    assert schema["discriminator"]["mapping"] == {"new_comment": "#/$defs/NewComment"}
    assert "export interface NewComment {" in (folder / "events.d.ts").read_text()


def test_output_is_reproducible(folder, tmp_path):
    write(folder)
    write(tmp_path / "again")

    assert contents(folder) == contents(tmp_path / "again")


def test_file_that_is_up_to_date_is_not_written(folder):
    write(folder)
    inodes = {path.stat().st_ino for path in folder.iterdir()}

    printed = write(folder)

    assert printed == []
    assert {path.stat().st_ino for path in folder.iterdir()} == inodes


def test_new_event_type_changes_the_files(folder):
    write(folder)
    before = contents(folder)
    EventType("comment_gone", Comment)

    write(folder)

    after = contents(folder)
    assert all(before[name] != after[name] for name in NAMES)


def test_check_accepts_files_that_are_up_to_date(folder):
    write(folder)

    assert write(folder, "--check") == []


def test_check_lists_outdated_files_and_the_command(folder):
    write(folder)
    (folder / "events.d.ts").write_text("stale")

    message = refused(folder, "--check", code=OUT_OF_DATE)

    assert message == (
        f"Out of date: {folder / 'events.d.ts'}. Run ./manage.py sse_types {folder}"
    )


def test_check_writes_nothing(folder):
    message = refused(folder, "--check", code=OUT_OF_DATE)

    assert all(name in message for name in NAMES)
    assert not folder.exists()


def test_check_does_not_change_outdated_files(folder):
    write(folder)
    (folder / "events.d.ts").write_text("stale")
    before = contents(folder)

    refused(folder, "--check", code=OUT_OF_DATE)

    assert contents(folder) == before


@pytest.mark.parametrize("broken", ["write_bytes", "replace"])
def test_failed_write_leaves_the_old_file_intact(folder, monkeypatch, broken):
    write(folder)
    before = contents(folder)
    EventType("comment_gone", Comment)

    def full(path, *args):
        path.touch()
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, broken, full)
    message = refused(folder, code=INVALID_INPUT)

    assert "No space left on device" in message
    assert contents(folder) == before


def test_file_is_replaced_atomically(folder):
    write(folder)
    path = folder / "events.d.ts"
    before = path.read_bytes()
    EventType("comment_gone", Comment)

    with path.open("rb") as opened:
        write(folder)

        assert opened.read() == before != path.read_bytes()


def test_symbolic_link_is_kept(folder, tmp_path):
    write(folder)
    (folder / "events.d.ts").rename(tmp_path / "shared.d.ts")
    (folder / "events.d.ts").symlink_to(tmp_path / "shared.d.ts")
    EventType("comment_gone", Comment)

    write(folder)

    assert (folder / "events.d.ts").is_symlink()
    assert "CommentGone" in (tmp_path / "shared.d.ts").read_text()


def test_files_have_the_mode_of_the_umask(folder):
    umask = os.umask(0o022)
    try:
        write(folder)
    finally:
        os.umask(umask)

    assert stat.S_IMODE((folder / "events.d.ts").stat().st_mode) == 0o644


@pytest.mark.parametrize("options", [[], ["--check"]])
def test_folder_that_is_a_file_is_refused(tmp_path, options):
    (tmp_path / "file").touch()

    message = refused(tmp_path / "file", *options, code=INVALID_INPUT)

    assert "Not a directory" in message


def test_payload_without_a_schema_is_named(folder):
    EventType("odd_thing", msgspec.defstruct("Odd", [("a", complex)]))

    message = refused(folder, code=INVALID_INPUT)

    assert message.startswith("event type 'odd_thing': expected a payload")
    assert not folder.exists()


def test_site_without_event_types_is_an_error(folder, monkeypatch):
    monkeypatch.setattr(EventType, "registry", {})

    message = refused(folder, code=INVALID_INPUT)

    assert message.startswith("No event type is registered")


def test_labels_do_not_depend_on_the_language(folder, tmp_path):
    EventType("gone", msgspec.defstruct("Gone", []), label=gettext_lazy("Delete"))
    write(folder)

    with override("de"):
        write(tmp_path / "german")

    assert contents(folder) == contents(tmp_path / "german")


def test_missing_folder_shows_the_usage():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = subprocess.run(
        [sys.executable, "manage.py", "sse_types"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == INVALID_INPUT
    assert done.stderr.startswith("usage: manage.py sse_types")
    assert "./manage.py sse_types frontend/types" in done.stderr
