"""A process of the site that runs code for the tests, started once."""

import contextlib
import io
import json
import subprocess
import sys
import traceback
from collections.abc import Iterable

from tests import ROOT


class Console:
    """Runs snippets one after the other, each with a namespace of its own.

    The process keeps its connection to Redis: code for which Redis may have been away
    meanwhile needs a process of its own.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.console"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str) -> str:
        """Run code; return what it printed. Raises AssertionError when it fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the console ended"
        answer = json.loads(line)
        if answer["error"]:
            raise AssertionError(f"{code}\n{answer['error']}")
        return answer["printed"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def main(lines: Iterable[str]) -> None:
    """Run the code of each line, and answer with a line."""
    import django
    from django.db import close_old_connections, reset_queries

    django.setup()
    for line in lines:
        answer = _run(json.loads(line))
        close_old_connections()
        reset_queries()
        print(json.dumps(answer), flush=True)  # noqa: T201


def _run(code: str) -> dict[str, str]:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, {"__name__": "console"})
    except Exception:  # noqa: BLE001
        return {"printed": printed.getvalue(), "error": traceback.format_exc()}
    return {"printed": printed.getvalue(), "error": ""}


if __name__ == "__main__":
    main(sys.stdin)
