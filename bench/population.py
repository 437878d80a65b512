"""The people of the site: a database of them, made once and copied for each server."""

import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from bench.processes import ROOT, VAR, Failed

# How many topics there are besides the one that all follow; slugs and names are one.
TOPICS = 1_000
COMMON = "bench"
# Who signs in by the form.
AUTHOR, PASSWORD = "author", "bench"
SECRET_KEY = "bench"  # noqa: S105


class Population:
    """People who follow `topic:bench` and so many of 1,000 other topics."""

    def __init__(self, name: str, *, count: int, topics: int) -> None:
        self.count = count
        self._topics = topics
        self._name = name
        self.database = VAR / "people" / f"{name}.sqlite3"

    def make(self) -> None:
        """Make the database and everybody in it."""
        self.database.parent.mkdir(parents=True, exist_ok=True)
        for each in self.database.parent.glob(f"{self._name}*"):
            each.unlink()
        words = [self._name, str(self.count), str(self._topics), str(self._file)]
        self._run("manage.py", "migrate", "--verbosity=0")
        self._run("manage.py", "collectstatic", "--noinput", "--verbosity=0")
        self._run("-m", "bench.people", *words)

    @property
    def _file(self) -> Path:
        return self.database.with_suffix(".tsv")

    def _run(self, *words: str) -> None:
        environment = {
            **environment_of(self.database),
            "DJANGO_SETTINGS_MODULE": "bench.site_settings",
            # Nothing is relayed while people are made.
            "REDIS_URL": "redis://127.0.0.1:1/0",
        }
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Failed(f"{words}: {done.stdout}{done.stderr}")

    @cached_property
    def _rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self._file.read_text().splitlines()]

    def sessions(self, count: int) -> list[str]:
        """Return the session keys of the first so many people."""
        if count > self.count:
            raise ValueError(f"expected at most {self.count} people, got {count}")
        return [row[0] for row in self._rows[:count]]

    def topics(self, count: int) -> list[list[int]]:
        """Return the numbers of what each of the first so many people follows."""
        return [[int(number) for number in row[1:]] for row in self._rows[:count]]


def environment_of(database: Path) -> dict[str, str]:
    """Return what the site's processes need in the environment, but for Redis."""
    return {
        "DEBUG": "0",
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": f"sqlite:///{database}",
    }
