"""The table of the specification's requirements names tests that exist."""

import re

import pytest

from tests import ROOT
from tests.test_docs import read, table

FOLDER = ROOT / "tests" / "mercure"
# Instead of a test: what the hub does not do, or others do.
REASONS = (
    "by ", "not done", "not by default", "between ", "within ", "publishers may",
)  # fmt: skip
ROWS = [
    (requirement, shown)
    for requirement, shown in table(read("mercure.md"), "Requirement")
    if shown
]


@pytest.mark.parametrize(("requirement", "shown"), ROWS, ids=[row[0] for row in ROWS])
def test_requirement_is_shown_by_tests_that_exist(requirement, shown):
    if shown.startswith(REASONS):
        return
    for part in shown.split("; "):
        if part.startswith(REASONS):
            continue
        name, _, phrases = part.partition(": ")
        tests = re.findall(r"^def test_(\w+)", source(name), re.MULTILINE)
        for phrase in phrases.split(", "):
            words = {*re.findall(r"\w+", phrase.lower())}
            assert any(words <= {*each.split("_")} for each in tests), part


def source(name):
    """Return the text of a file of tests, by its short name."""
    return (FOLDER / f"test_{name}.py").read_text()
