"""Clients that are programs: curl, and libraries on Node. They write what they get."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

import pytest

from tests import ROOT
from tests.interop.story import NAMES
from tests.system.eventsource import EventParser, Received

# Where `make` installs the libraries.
LIBRARIES = ROOT / "var" / "node"
SCRIPTS = ROOT / "tests" / "interop" / "node"
NO_HEADERS: Mapping[str, str] = {}
# Browsers and their like dispatch only the events that were asked for.
LISTENED = [*NAMES, "heartbeat", "reset", "new_question"]


@contextlib.contextmanager
def curl(
    url: str, last_event_id: str = "", headers: Mapping[str, str] = NO_HEADERS
) -> Iterator[Iterator[Received]]:
    sent = {"Accept": "text/event-stream", **headers}
    if last_event_id:
        sent["Last-Event-ID"] = last_event_id
    options = [part for name in sent for part in ("-H", f"{name}: {sent[name]}")]
    command = ["curl", "-sS", "-N", *options, url]
    if shutil.which("curl") is None:
        pytest.skip("There is no curl on the PATH.")
    with running(command) as output:
        yield parsed(output, EventParser(last_event_id))


def parsed(output: IO[bytes], parser: EventParser) -> Iterator[Received]:
    for line in output:
        yield from parser.feed(line)


class NodeClient:
    """A client by a script of the folder `node`, which is named like its library."""

    def __init__(self, name: str) -> None:
        self.script = SCRIPTS / f"{name}.mjs"

    @contextlib.contextmanager
    def __call__(
        self, url: str, last_event_id: str = "", headers: Mapping[str, str] = NO_HEADERS
    ) -> Iterator[Iterator[Received]]:
        if shutil.which("node") is None:
            pytest.skip("There is no node on the PATH.")
        if not (LIBRARIES / "node_modules").is_dir():
            pytest.skip(f"Nothing is installed in {LIBRARIES}: `make test` does it.")
        # From its input, so that it finds the libraries of the current folder.
        with (
            self.script.open("rb") as script,
            running(
                ["node", "--input-type=module", "-", url, last_event_id, *LISTENED],
                cwd=LIBRARIES,
                env={**os.environ, "HEADERS": json.dumps(headers)},
                stdin=script,
            ) as output,
        ):
            yield decoded(output)


def decoded(lines: Iterable[bytes]) -> Iterator[Received]:
    return (Received(**json.loads(line)) for line in lines)


@contextlib.contextmanager
def running(command: list[str], **options: object) -> Iterator[IO[bytes]]:
    """Run a program; yield what it writes, and end it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=-1, **options)
    try:
        yield process.stdout
    finally:
        process.kill()
        process.communicate()
