"""A database of users, created once and copied for each server."""

import random
from functools import cached_property
from pathlib import Path

from bench.processes import VAR, run_python

# The number of topics besides COMMON, which all users follow.
TOPICS = 1_000
COMMON = "bench"
# The user who signs in with the form.
AUTHOR, PASSWORD = "author", "bench"
SECRET_KEY = "bench"  # noqa: S105


class Population:
    """`count` users who follow `topic:bench` and `topics` of 1,000 other topics."""

    def __init__(self, name: str, *, count: int, topics: int) -> None:
        self.count = count
        self._topics = topics
        self._name = name
        self.database = VAR / "people" / f"{name}.sqlite3"

    def create(self) -> None:
        """Create the database with its users."""
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
            **environment_of(f"sqlite:///{self.database}"),
            "DJANGO_SETTINGS_MODULE": "bench.site_settings",
            # No event is relayed while the database is filled.
            "REDIS_URL": "redis://127.0.0.1:1/0",
        }
        run_python(environment, *words)

    @cached_property
    def _rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self._file.read_text().splitlines()]

    def sessions(self, count: int) -> list[str]:
        """Return the session keys of the first `count` users."""
        if count > self.count:
            raise ValueError(f"expected at most {self.count} users, got {count}")
        return [row[0] for row in self._rows[:count]]

    def random_user(self) -> str:
        """Return the primary key of one of the users, which are numbered from 1."""
        return str(random.randint(1, self.count))

    def topics(self, count: int) -> list[list[int]]:
        """Return the topic numbers that each of the first `count` users follows."""
        return [[int(number) for number in row[1:]] for row in self._rows[:count]]


def environment_of(url: str) -> dict[str, str]:
    """Return the environment of the site's processes, without Redis."""
    return {
        "DEBUG": "0",
        "USE_HTTPS": "0",
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": url,
    }
