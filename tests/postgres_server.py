"""A PostgreSQL for the tests, in a temporary folder and on a Unix socket only.

    python -m tests.postgres_server COMMAND ...

runs a command with its DATABASE_URL, and deletes the server with all its data after.
Without a command it only looks for PostgreSQL.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.watchdog import watch_group

# Where Debian has the binaries, which are not on the PATH there.
FOLDERS = "/usr/lib/postgresql"
# The first that exists runs the server for root, as which it refuses to run.
UNPRIVILEGED = ("postgres", "nobody")
# Cannot exceed a limit of connections, as a superuser can.
ROLE = "tests"
START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 30.0  # seconds
POLL_SECONDS = 0.05
# Enough for the sites of all workers of pytest-xdist. Nothing has to survive a crash.
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "500",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresMissing(Exception):
    """PostgreSQL is not installed."""


def find(program: str) -> Path:
    """Return the path of a program of PostgreSQL, on the PATH or the newest of Debian.

    Raises PostgresMissing.
    """
    if found := shutil.which(program):
        return Path(found)
    versions = Path(FOLDERS).glob(f"*/bin/{program}")
    newest = max(versions, key=_version, default=None)
    if newest is None:
        raise PostgresMissing(
            f"PostgreSQL is missing: {program} is neither on the PATH nor in {FOLDERS}."
        )
    return newest


def _version(program: Path) -> float:
    return float(program.parent.parent.name)


class PostgresServer:
    """A PostgreSQL with its files in one folder, which `start` creates."""

    def __init__(self, folder: Path, *, options: Mapping[str, str] = OPTIONS) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "postgres.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _unprivileged_user() if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """The DATABASE_URL of the database `postgres`."""
        return f"postgres://{ROLE}@/{self.folder}/postgres"

    def start(self) -> None:
        """Create the data and start the server; return when it is ready.

        Raises PostgresMissing.
        """
        programs = {name: find(name) for name in ("initdb", "postgres")}
        self.folder.mkdir(exist_ok=True)
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._run(
            programs["initdb"],
            f"--pgdata={self.data}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        options = {**self._options, "unix_socket_directories": str(self.folder)}
        words = [f"--{name}={value}" for name, value in options.items()]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [programs["postgres"], "-D", self.data, *words],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._as_user(),
            )
        watch_group(self._process.pid)
        self._wait()
        with self._connect() as connection:
            # The right to end what autovacuum does in a database that is dropped.
            connection.execute(
                f"CREATE ROLE {ROLE} LOGIN CREATEDB IN ROLE pg_signal_backend"
            )

    def stop(self) -> None:
        """End the server and the connections to it."""
        if self._process is not None:
            # https://www.postgresql.org/docs/current/server-shutdown.html: fast
            self._process.send_signal(signal.SIGINT)
            self._process.wait(STOP_TIMEOUT)
            self._process = None

    def _wait(self) -> None:
        """Wait until the server accepts connections."""
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                self._connect().close()
                return
            except psycopg.OperationalError:
                ended = self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise AssertionError(self.log.read_text()) from None
            time.sleep(POLL_SECONDS)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="postgres", autocommit=True)

    def _run(self, *words: str | Path) -> None:
        done = subprocess.run(words, capture_output=True, text=True, **self._as_user())
        assert done.returncode == 0, f"{words[0]}: {done.stdout}{done.stderr}"

    def _as_user(self) -> dict[str, Any]:
        """Return the arguments of a subprocess that may run PostgreSQL."""
        if self._user is None:
            return {"cwd": self.folder}
        user, group = self._user.pw_uid, self._user.pw_gid
        return {
            "cwd": self.folder, "user": user, "group": group, "extra_groups": []
        }  # fmt: skip


def _unprivileged_user() -> pwd.struct_passwd:
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED if name in known)


@contextmanager
def running(options: Mapping[str, str] = OPTIONS) -> Iterator[PostgresServer]:
    """Give a server that runs until the end of the block, with no data before."""
    with tempfile.TemporaryDirectory(
        prefix="postgres-", ignore_cleanup_errors=True
    ) as folder:
        server = PostgresServer(Path(folder), options=options)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def main(command: list[str]) -> int:
    """Run a command with a PostgreSQL of its own; return its exit status."""
    # The server and its data go with a run that is terminated, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        if not command:
            find("postgres")
            return 0
        with running() as server:
            environment = {**os.environ, "DATABASE_URL": server.url}
            return subprocess.run(command, env=environment).returncode
    except PostgresMissing as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
