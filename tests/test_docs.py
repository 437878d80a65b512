"""The documents say what the code has: each test compares the two."""

import ast
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from notifications import checks
from notifications.conf import SETTINGS, conf
from notifications.exceptions import InvalidSetting
from notifications.protocol.sse import RESERVED_NAMES
from notifications.publishing.event_types import WIRE_FIELDS
from project.qa import demo
from tests import ROOT

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = ROOT / "notifications" / "management" / "commands"


def read(name):
    return (ROOT / "docs" / name).read_text()


def table(text, heading):
    """Return the rows of the table whose first column has this heading."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |"):
            break
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split(" | ")])
    return rows


def names(text, heading):
    """Return the first column of a table."""
    return [row[0] for row in table(text, heading)]


PUBLIC = {key: each for key, each in SETTINGS.items() if each.public}


def test_every_public_setting_is_described_once_and_no_other():
    assert names(read("settings.md"), "Key") == [*PUBLIC]


@pytest.mark.parametrize("row", table(read("settings.md"), "Key"), ids=lambda r: r[0])
def test_the_default_that_is_written_is_the_one_that_holds(row):
    key, _type, default, _does = row
    setting = SETTINGS[key]

    written = setting.parse(ast.literal_eval(default))
    by_default = setting.parse(setting.default)

    if key == "REDIS_URL":
        written, by_default = written(), by_default()
    assert written == by_default


NUMBERS = {
    key: float(found[1])
    for key, accepts, *_ in table(read("settings.md"), "Key")
    if (found := re.search(r"from ([\d.]+)$", accepts))
}


@pytest.mark.parametrize("key", NUMBERS)
def test_the_least_number_that_is_written_is_the_one_that_holds(settings, key):
    settings.NOTIFICATIONS = {key: NUMBERS[key]}
    assert getattr(conf, key) == NUMBERS[key]

    settings.NOTIFICATIONS = {key: NUMBERS[key] - 0.001}

    with pytest.raises(InvalidSetting):
        getattr(conf, key)


def test_the_least_is_written_of_every_number():
    numbers = {
        key for key, each in PUBLIC.items() if type(each.default) in (int, float)
    }

    assert {*NUMBERS} == numbers


def test_every_check_is_described():
    source = Path(checks.__file__).read_text()

    ids = re.findall(r'id="(notifications\.\w+)"', source)

    assert names(read("settings.md"), "Check") == sorted(ids)


def test_every_field_of_the_wire_is_described():
    assert {*names(read("events.md"), "Field")} == WIRE_FIELDS


def test_every_name_that_is_no_event_type_is_described():
    assert {*names(read("events.md"), "Name")} == RESERVED_NAMES


def test_every_command_of_the_app_is_described():
    commands = {path.stem for path in COMMANDS.glob("[!_]*.py")}

    named = {*re.findall(r"manage\.py (\w+)", read("events.md"))}

    assert named == commands


@pytest.mark.parametrize("path", [*DOCS, ROOT / "CHANGELOG.md"], ids=lambda p: p.name)
def test_no_command_is_described_that_is_not_there(path):
    named = {*re.findall(r"manage\.py (\w+)", path.read_text())}

    assert named <= {*get_commands()}


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(path):
    links = re.findall(r"\]\((?!https?:)([^)#]*)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_module_that_is_named_exists(path):
    named = {*re.findall(r"`([\w/]+\.py)`", path.read_text())}
    places = [ROOT, ROOT / "notifications", ROOT / "project", ROOT / "project" / "qa"]
    elsewhere = {"blog/notifications.py"}

    missing = {
        name
        for name in named - elsewhere
        if not any((place / name).exists() for place in places)
    }
    assert missing == set()


def test_every_topic_that_the_readme_names_is_in_the_demo():
    text = (ROOT / "README.md").read_text()

    assert {*re.findall(r"topic:([a-z-]+)", text)} <= demo.TOPICS.keys()
    assert {*re.findall(r"under \*(.+?)\*", text)} <= {*demo.TOPICS.values()}
