"""Starting processes on a core, and ending them whatever happens."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "bench"
# Opening thousands of streams takes some servers that long.
PATIENCE_SECONDS = 400.0
POLL_TIMEOUT = 0.02
STOP_SECONDS = 20.0
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Missing(Exception):
    """Something that is compared with cannot be had here; says why."""


class Failed(Exception):
    """A process did not do what was expected of it."""


def start(
    command: Sequence[str | Path],
    *,
    core: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[str]:
    """Start a process on a core, with all the descriptors there are."""
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
    # It ends with whoever started it, however that ends: prctl(2).
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.sched_setaffinity(0, {core})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop(process: subprocess.Popen[str] | None) -> None:
    """End a process and all that it started; idempotent."""
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(
    condition: Callable[[], object],
    *,
    what: str,
    seconds: float = PATIENCE_SECONDS,
    poll: float = POLL_TIMEOUT,
) -> None:
    """Return once `condition` is true; raise Failed after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds:g} s in vain for {what}")
        time.sleep(poll)


def listens(port: int) -> bool:
    """Tell whether somebody accepts connections at a port of this machine."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False
