"""Starts processes on a core, and stops them whatever happens."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "bench"
# Some servers need this long to open thousands of streams.
WAIT_SECONDS = 400.0
POLL_SECONDS = 0.02
STOP_SECONDS = 20.0
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Missing(Exception):
    """A server to compare with is not installed; the text says why."""


class Failed(Exception):
    """A process failed or did not respond in time."""


def start(
    command: Sequence[str | Path],
    *,
    core: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[str]:
    """Start a process on a core, with the highest limit of open files."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        usual = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        return subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=lambda: _prepare(core),
            cwd=ROOT,
            text=True,
            **{**usual, **options},
        )


def _prepare(core: int) -> None:
    # The process gets SIGTERM when its parent ends, even by a crash: prctl(2).
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.sched_setaffinity(0, {core})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop(process: subprocess.Popen[str] | None) -> None:
    """End a process and its process group; idempotent."""
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_python(environment: Mapping[str, str], *words: str) -> None:
    """Run Python with these arguments until it ends; raises Failed with its output."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failed(f"{words}: {done.stdout}{done.stderr}")


def free_port() -> int:
    """Return an unused TCP port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(
    condition: Callable[[], object],
    *,
    what: str,
    seconds: float = WAIT_SECONDS,
    poll: float = POLL_SECONDS,
) -> None:
    """Return once `condition` is true; raise Failed after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: timed out after {seconds:g} s")
        time.sleep(poll)


def listens(port: int) -> bool:
    """Return whether a server accepts connections on a port of this machine."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False
