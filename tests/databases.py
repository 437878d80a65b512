"""Databases of sites that tests start: of the same kind as the run's own.

By `DATABASE_URL` that is SQLite or PostgreSQL. Each has the site's tables and no rows.
"""

import functools
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any, Protocol

import environ
import psycopg
from psycopg import sql

from tests import ROOT

BUSY_SECONDS = 30.0
MIGRATE_SECONDS = 120.0
SITE = "project.settings"
RUN_URL = os.environ.get("DATABASE_URL", "")
ON_POSTGRESQL = RUN_URL.startswith("postgres")
_PARAMETER = re.compile(r"%\((\w+)\)s")


class Database(Protocol):
    """A database for one site."""

    url: str

    def create(self) -> None:
        """Create the database, with the tables of the site."""

    def drop(self) -> None:
        """Delete the database, whoever is connected to it."""

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query, whose parameters are like %(name)s."""


class SqliteFile:
    """A file in a folder of the site."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "db.sqlite3"
        self.url = f"sqlite:///{self.path}"

    def create(self) -> None:
        """Write the file."""
        self.path.write_bytes(_empty_file())

    def drop(self) -> None:
        """Leave the file to the site, which deletes its folder."""

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
        try:
            return connection.execute(_PARAMETER.sub(r":\1", query), values).fetchall()
        finally:
            connection.close()


class PostgresDatabase:
    """A database of the run's server, copied from one that was migrated."""

    def __init__(self) -> None:
        self.name = f"site_{uuid.uuid4().hex}"
        self.url = _url_of(self.name)

    def create(self) -> None:
        """Copy the migrated database."""
        _administer("CREATE DATABASE {} TEMPLATE {}", self.name, _empty_database())

    def drop(self) -> None:
        """Delete the database."""
        _administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with connect(self.url) as connection:
            return connection.execute(query, values or None).fetchall()


def new_database(folder: Path) -> Database:
    """Return a database that does not exist yet, of the kind that the run is on."""
    return PostgresDatabase() if ON_POSTGRESQL else SqliteFile(folder)


def connect(url: str) -> psycopg.Connection[Any]:
    """Return a connection in autocommit mode to the PostgreSQL at a DATABASE_URL."""
    config = environ.Env().db_url_config(url)
    names = {
        "HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password",
        "NAME": "dbname",
    }  # fmt: skip
    given = {names[key]: value for key, value in config.items() if key in names}
    known = {key: value for key, value in given.items() if value}
    return psycopg.connect(autocommit=True, **known)


def _url_of(name: str) -> str:
    return f"{RUN_URL.rpartition('/')[0]}/{name}"


def _administer(statement: str, *names: str) -> None:
    with connect(RUN_URL) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@functools.cache
def _empty_file() -> bytes:
    with tempfile.TemporaryDirectory(prefix="database-") as folder:
        file = Path(folder, "db.sqlite3")
        migrate(f"sqlite:///{file}")
        return file.read_bytes()


@functools.cache
def _empty_database() -> str:
    """Create a database as a template; return its name. It goes with the server."""
    name = f"template_{uuid.uuid4().hex}"
    _administer("CREATE DATABASE {}", name)
    migrate(_url_of(name))
    return name


def migrate(url: str) -> None:
    """Create the site's tables in an empty database."""
    environment = {
        # With the user model of the run.
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", SITE),
        "SECRET_KEY": "live",
        "DATABASE_URL": url,
        # Not running: a migration needs no Redis.
        "REDIS_URL": "unix:///nonexistent/redis.sock",
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        timeout=MIGRATE_SECONDS,
    )
