"""Waits for SQLite's locks in Python, so that other greenlets run in the meantime.

While another connection writes, SQLite sleeps in C, which under gevent stops the whole
worker. So SQLite itself does not wait here: a statement that fails with SQLITE_BUSY is
repeated after a pause, until OPTIONS["timeout"] has passed.
https://www.sqlite.org/rescode.html#busy

Needs the transaction_mode IMMEDIATE: such a transaction waits at its start only.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, Self, TypeVar

from django.db.backends.sqlite3 import base

T = TypeVar("T")

DEFAULT_TIMEOUT = 5.0  # seconds, as in the sqlite3 module
FIRST_PAUSE = 0.001  # seconds; each pause is twice as long as the one before
LAST_PAUSE = 0.05  # seconds


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether a statement failed because of a lock.

    This includes SQLITE_BUSY_SNAPSHOT: a repeated statement gets a new snapshot.
    """
    # The errors that the module itself raises have no code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


class Connection(sqlite3.Connection):
    """A connection that waits for locks in Python, for up to `timeout` seconds."""

    def __init__(
        self, database: Any, *, timeout: float = DEFAULT_TIMEOUT, **options: Any
    ) -> None:
        super().__init__(database, timeout=0, **options)
        self._timeout = timeout

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """Run a statement; Django uses this when it connects."""
        return self.run(partial(super().execute, *args))

    def commit(self) -> None:
        """Commit; without WAL, readers can block it.

        A commit may be repeated: https://www.sqlite.org/lang_transaction.html
        """
        self._retry(super().commit)

    def run(self, statement: Callable[[], T]) -> T:
        """Run a statement; outside of a transaction, repeat it while it is blocked.

        Inside of one, what the transaction has read may be out of date after a wait,
        and the other connection may wait for a lock that it holds: it fails at once.
        """
        return statement() if self.in_transaction else self._retry(statement)

    def _retry(self, statement: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._timeout
        pause = FIRST_PAUSE
        while True:
            try:
                return statement()
            except sqlite3.OperationalError as error:
                left = deadline - time.monotonic()
                if left <= 0 or not is_busy(error):
                    raise
            time.sleep(min(pause, left))
            pause = min(2 * pause, LAST_PAUSE)


class Cursor(base.SQLiteCursorWrapper):
    """A cursor whose statements wait for locks like those of its connection."""

    connection: Connection

    def execute(self, query: str, params: Any = None) -> Self:
        """Run a statement with its parameters."""
        self.connection.run(partial(super().execute, query, params))
        return self

    def executemany(self, query: str, param_list: Any) -> Self:
        """Run a statement for each item of `param_list`, in one transaction.

        Without one, each row is committed by itself, and a repeated statement would
        write the first rows twice. With one, only its start can be blocked.
        """
        connection = self.connection
        # Without autocommit, the caller ends the transaction.
        commits = not connection.in_transaction and connection.isolation_level is None
        if not connection.in_transaction:
            self.execute("BEGIN IMMEDIATE")
        with connection if commits else nullcontext():
            super().executemany(query, param_list)
        return self


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's SQLite backend with these connections and cursors."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return the arguments of sqlite3.connect()."""
        return {**super().get_connection_params(), "factory": Connection}

    def create_cursor(self, name: str | None = None) -> Cursor:
        """Return a cursor that waits for locks in Python."""
        connection: Connection = self.connection
        return connection.cursor(Cursor)
