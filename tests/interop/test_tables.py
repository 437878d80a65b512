"""The tables of the documents name what the tests cover."""

import json

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


def test_documented_clients_are_those_of_the_tests():
    documented = {row[0]: row[1] for row in table(read("clients.md"), "Client")}

    assert documented.keys() == CLIENTS.keys()
    assert documented == {
        name: VERSIONS.get(name.partition(" ")[0], "any") for name in CLIENTS
    }
