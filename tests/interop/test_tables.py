"""The tables of the documents name what the tests cover."""

import json

import pytest

from tests import ROOT
from tests.interop.program_clients import SCRIPTS
from tests.interop.test_clients import CLIENTS
from tests.test_docs import read, table

VERSIONS = {
    name.rpartition("/")[2]: version
    for name, version in json.loads((SCRIPTS / "package.json").read_text())[
        "dependencies"
    ].items()
} | dict(
    line.split("==")
    for line in (ROOT / "requirements-dev.txt").read_text().splitlines()
    if "==" in line
)

CASES = table(read("clients.md"), "Case")


def test_documented_clients_are_those_of_the_tests():
    documented = {row[0]: row[1] for row in table(read("clients.md"), "Client")}

    assert documented.keys() == CLIENTS.keys()
    assert documented == {
        name: VERSIONS.get(name.partition(" ")[0], "any") for name in CLIENTS
    }


@pytest.mark.parametrize("row", CASES, ids=[row[0] for row in CASES])
def test_documented_case_has_its_test(row):
    path, _, name = row[2].partition("::")

    assert f"def {name}(" in (ROOT / path).read_text()
