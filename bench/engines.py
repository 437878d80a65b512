"""New, empty databases to measure on: SQLite and PostgreSQL."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.processes import VAR, Missing
from tests.postgres_server import ROLE, PostgresMissing, PostgresServer

# As a small server has it, and safe: nothing of what a commit promises is turned off.
POSTGRES_OPTIONS = {"listen_addresses": "", "shared_buffers": "512MB"}


@contextmanager
def sqlite() -> Iterator[str]:
    """Yield the DATABASE_URL of a file."""
    VAR.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="sqlite-", dir=VAR))
    try:
        yield f"sqlite:///{folder}/db.sqlite3"
    finally:
        shutil.rmtree(folder)


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the DATABASE_URL of a server of its own; raises Missing."""
    # Its socket needs a short path.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = PostgresServer(folder / "server", options=POSTGRES_OPTIONS)
    folder.chmod(0o755)
    try:
        server.start()
        _create_database(server)
        yield server.url.removesuffix("postgres") + "bench"
    except PostgresMissing as error:
        raise Missing(str(error)) from error
    finally:
        server.stop()
        shutil.rmtree(folder)


def _create_database(server: PostgresServer) -> None:
    place = {"host": str(server.folder), "user": ROLE, "dbname": "postgres"}
    with psycopg.connect(**place, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench")


ENGINES = {"SQLite": sqlite, "PostgreSQL": postgresql}
