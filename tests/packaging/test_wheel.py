"""The wheel holds the app alone, and its metadata agree with the other files."""

import email
import re
import tomllib
import zipfile
from itertools import chain

import pytest
from packaging.requirements import Requirement

import notifications
from notifications.checks import OLDEST_REDIS
from tests import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PYPROJECT["optional-dependencies"]
RANGES = [
    Requirement(line) for line in [*PYPROJECT["dependencies"], *chain(*EXTRAS.values())]
]
PINNED = dict(
    re.findall(
        r"^([\w-]+)(?:\[.*\])?==(\S+)", (ROOT / "requirements.txt").read_text(), re.M
    )
)


@pytest.fixture(scope="module")
def files(wheel):
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {*archive.namelist()}


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith("/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_wheel_holds_the_app_alone(files):
    folders = {name.partition("/")[0] for name in files}

    assert folders == {
        "notifications",
        f"django_live_notifications-{notifications.__version__}.dist-info",
    }


def test_the_wheel_holds_every_file_of_the_app(files):
    sources = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "notifications").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {name for name in files if name.startswith("notifications/")} == sources


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "locale/de/LC_MESSAGES/django.mo",
        "migrations/0001_initial.py",
        "static/notifications/main.js",
        "templates/notifications/inbox.html",
    ],
)
def test_the_wheel_holds_files_of_each_kind(files, name):
    assert f"notifications/{name}" in files


def test_the_version_is_written_once(metadata):
    assert metadata["Version"] == notifications.__version__


@pytest.mark.parametrize("requirement", RANGES, ids=lambda each: each.name)
def test_the_pinned_versions_are_in_the_ranges(requirement):
    assert requirement.specifier.contains(PINNED[requirement.name])


def test_the_oldest_redis_py_is_the_one_that_the_check_accepts():
    (requirement,) = (each for each in RANGES if each.name == "redis")
    oldest = ".".join(map(str, OLDEST_REDIS))

    assert f">={oldest}" in str(requirement.specifier).split(",")
