"""Tests that compare the documents with the code."""

import ast
import importlib
import re
import subprocess
import textwrap
from pathlib import Path

import pytest
from django.core.management import get_commands

from notifications import api, checks
from notifications.admin.explanations import TITLES
from notifications.conf import SETTINGS, conf
from notifications.exceptions import InvalidSetting
from notifications.inbox.rows import Row
from notifications.log import rights
from notifications.monitoring.dashboard import COLUMNS, LABELS
from notifications.protocol.sse import RESERVED_NAMES
from notifications.publishing.event_types import WIRE_FIELDS
from project.qa import demo
from tests import ROOT
from tests.test_imports import LAYERS, PUBLIC

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ALL_DOCS = [
    *DOCS,
    *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    ROOT / "bench" / "README.md",
]
COMMANDS = ROOT / "notifications" / "management" / "commands"
# A block of code: its language, and its text.
CODE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def name_of(path):
    """Return how the tests of a document are named."""
    return str(path.relative_to(ROOT))


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


def code_blocks(text, language):
    """Return the blocks of code in a language."""
    return [
        textwrap.dedent(code) for _, its, code in CODE.findall(text) if its == language
    ]


def app_imports(code):
    """Yield what a Python block imports of the app, as (module, name or None)."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        yield from (pair for pair in found if pair[0].split(".")[0] == "notifications")


PUBLIC_SETTINGS = {key: each for key, each in SETTINGS.items() if each.public}


def test_every_public_setting_is_documented_once_and_in_order():
    assert names(read("settings.md"), "Key") == [*PUBLIC_SETTINGS]


@pytest.mark.parametrize("row", table(read("settings.md"), "Key"), ids=lambda r: r[0])
def test_documented_default_is_the_real_one(row):
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
def test_documented_minimum_is_the_real_one(settings, key):
    settings.NOTIFICATIONS = {key: NUMBERS[key]}
    assert getattr(conf, key) == NUMBERS[key]

    settings.NOTIFICATIONS = {key: NUMBERS[key] - 0.001}

    with pytest.raises(InvalidSetting):
        getattr(conf, key)


def test_every_number_has_a_documented_minimum():
    numbers = {
        key
        for key, each in PUBLIC_SETTINGS.items()
        if type(each.default) in (int, float)
    }

    assert {*NUMBERS} == numbers


def test_every_check_is_documented():
    source = Path(checks.__file__).read_text()

    ids = re.findall(r'id="(notifications\.\w+)"', source)

    assert names(read("settings.md"), "Check") == sorted(ids)


def test_documented_rights_of_the_user_of_redis_are_the_tested_ones():
    text = read("redis.md")
    [example] = re.findall(r"ACL SETUSER \w+ on >PASSWORD\n(.+?)```", text, re.DOTALL)

    assert example.split() == rights.rules("{notifications}")
    for each in rights.IN_A_CLUSTER:
        assert f"+{each}" in text


def test_every_field_on_the_wire_is_documented():
    assert {*names(read("events.md"), "Field")} == WIRE_FIELDS


def test_every_reserved_event_name_is_documented():
    assert {*names(read("events.md"), "Name")} == RESERVED_NAMES


def test_every_command_of_the_app_is_documented():
    commands = {path.stem for path in COMMANDS.glob("[!_]*.py")}

    named = {*re.findall(r"manage\.py (\w+)", read("events.md"))}

    assert named == commands


@pytest.mark.parametrize("path", ALL_DOCS, ids=name_of)
def test_no_document_has_the_marks_of_a_merge(path):
    assert not re.findall(r"^(?:<{7}|>{7}) .*", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", ALL_DOCS, ids=name_of)
def test_every_documented_command_exists(path):
    named = {*re.findall(r"manage\.py (\w+)", path.read_text())}

    assert named <= {*get_commands()}


def anchors(path):
    """Return what GitHub makes of a document's headings, to be linked to."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("path", ALL_DOCS, ids=name_of)
def test_every_link_between_documents_has_a_target(path):
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", path.read_text())
    assert [name for name, _ in links if not (path.parent / name).exists()] == []

    broken = [
        (name, anchor)
        for name, anchor in links
        if anchor and anchor not in anchors(path.parent / name if name else path)
    ]

    assert broken == []


@pytest.mark.parametrize("path", [*DOCS, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_every_file_that_is_named_exists(path):
    named = {*re.findall(r"`([\w/.-]+\.(?:py|js))`", path.read_text())}
    places = [ROOT, ROOT / "notifications", ROOT / "project", ROOT / "project" / "qa"]
    elsewhere = {"blog/notifications.py"}

    missing = {
        name
        for name in named - elsewhere
        if not any((place / name).exists() for place in places)
    }
    assert missing == set()


def test_the_layers_are_those_of_the_import_test():
    text = read("architecture.md")

    documented = [{*re.findall(r"[a-z]+", parts)} for _, parts in table(text, "Layer")]

    assert documented == LAYERS


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_examples_import_public_names_only(path):
    blocks = code_blocks(path.read_text(), "python")
    imports = [each for block in blocks for each in app_imports(block)]

    assert {module for module, _ in imports} <= PUBLIC
    for module, name in imports:
        found = importlib.import_module(module)
        assert name is None or name in getattr(found, "__all__", dir(found))


def test_every_public_name_is_documented():
    text = "".join(path.read_text() for path in DOCS)

    documented = {
        name
        for path in DOCS
        for block in code_blocks(path.read_text(), "python")
        for _, name in app_imports(block)
    } | {*re.findall(r"`notifications\.api\.(\w+)", text)}

    assert documented >= {*api.__all__}


@pytest.mark.parametrize("path", ALL_DOCS, ids=name_of)
def test_every_name_of_the_api_that_is_mentioned_exists(path):
    named = {*re.findall(r"notifications\.api\.(\w+)", path.read_text())}

    assert named <= {*api.__all__}


def make_targets(path):
    """Return the targets of make that the code in a document names."""
    text = path.read_text()
    code = [*re.findall(r"`([^`\n]+)`", text), *code_blocks(text, "console")]
    return {*re.findall(r"\bmake ([a-z]+)", "\n".join(code))}


MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("path", ALL_DOCS, ids=name_of)
def test_every_make_target_that_is_named_exists(path):
    targets = {*re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)}

    assert make_targets(path) <= targets


def test_make_help_lists_every_target_that_has_a_description():
    described = re.findall(r"^([a-z-]+):.*## (.+)$", MAKEFILE, re.MULTILINE)

    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )

    listed = re.findall(r"^  make ([a-z-]+) +(.+)$", done.stdout, re.MULTILINE)
    assert listed == described
    assert max(map(len, done.stdout.splitlines())) < 80


def test_documented_fields_of_a_row_exist():
    fields = re.findall(r"`row\.(\w+)`", read("pages.md"))

    assert fields
    assert {*fields} <= {*dir(Row)}


def test_documented_statistics_are_those_of_the_admin():
    assert names(read("admin.md"), "Statistic") == [*map(str, LABELS.values())]
    assert names(read("admin.md"), "Column") == [*map(str, COLUMNS.values())]


def test_documented_headings_of_reasons_are_those_of_the_admin():
    assert names(read("admin.md"), "Heading") == [*map(str, TITLES.values())]


def test_every_topic_in_the_readme_is_in_the_demo():
    text = (ROOT / "README.md").read_text()

    assert {*re.findall(r"topic:([a-z-]+)", text)} <= demo.TOPICS.keys()
    assert {*re.findall(r"under \*(.+?)\*", text)} <= {*demo.TOPICS.values()}
