"""Copies of the whole site, each with files of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import ROOT
from tests.watchdog import watch_group, watch_redis

ORIGIN = ROOT
PARTS = ("project", "notifications", "templates", "manage.py", "gunicorn.conf.py")
DEADLINE = 60.0  # seconds
OURS = (
    "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "USE_HTTPS",
    "PORT",
)  # fmt: skip
OTHERS = (
    "WEB_CONCURRENCY", "DJANGO_SETTINGS_MODULE", "STOP_REDIS_ON_EXIT",
    "STATIC_FILES_COLLECTED",
)  # fmt: skip


class Site:
    """A copy of the site in a folder, isolated from the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        watch_redis(folder / "var")
        for part in PARTS:
            copy = shutil.copytree if (ORIGIN / part).is_dir() else shutil.copy
            copy(ORIGIN / part, folder / part)

    def popen(self, *arguments: str, **environment: object) -> subprocess.Popen[str]:
        """Start Python with the arguments, in a process group of its own."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in OURS + OTHERS and not name.startswith("NOTIFICATIONS_")
        }
        given = {name: str(value) for name, value in environment.items()}
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=inherited | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        watch_group(process.pid)
        return process

    def run(
        self, *arguments: str, **environment: object
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with the arguments to its end."""
        with self.popen(*arguments, **environment) as process:
            out, error = process.communicate(timeout=DEADLINE)
        return subprocess.CompletedProcess(arguments, process.returncode, out, error)

    def refusal(self, *arguments: str, **environment: object) -> str:
        """Return the one line that `manage.py` fails with."""
        result = self.run("manage.py", *arguments, **environment)
        assert result.returncode == 1
        assert not result.stdout
        (line,) = result.stderr.splitlines()
        return line
