"""A process that ends what the tests started, however the tests themselves end.

It reads what to watch from its standard input, a line each. The end of the input is
the end of the tests: the kernel closes the pipe even when they are killed.
"""

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from project.redis_server import RedisServer
from tests import ROOT

GROUP, REDIS = "group", "redis"
# prctl(2)
_PR_SET_PDEATHSIG = 1


def watch_group(pid: int) -> None:
    """Kill the process group of this id when the tests end.

    It need not be cancelled when the group ends before: the system does not use an id
    again so soon.
    """
    _send(GROUP, str(pid))


def watch_redis(directory: Path) -> None:
    """Stop the Redis that has its files in this folder when the tests end.

    Redis is a daemon, which belongs to no group that the tests know. Call this before
    it is started.
    """
    _send(REDIS, str(directory.absolute()))


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent dies, where it can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@functools.cache
def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.watchdog"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        # Ctrl-C in a terminal reaches the tests, and not the watchdog.
        start_new_session=True,
    )


def _send(kind: str, value: str) -> None:
    pipe = _start().stdin
    assert pipe is not None
    # One write, so that lines of several threads do not mix.
    os.write(pipe.fileno(), f"{kind} {value}\n".encode())


def main(lines: Iterable[str]) -> None:
    """Collect what the lines name, and end all of it when the input ends."""
    groups, folders = [], []
    for line in lines:
        kind, _, value = line.rstrip("\n").partition(" ")
        if kind == GROUP:
            groups.append(int(value))
        elif kind == REDIS:
            folders.append(Path(value))
    # The groups first: a site would start its Redis again.
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for folder in folders:
        RedisServer(folder).stop()


if __name__ == "__main__":
    main(sys.stdin)
