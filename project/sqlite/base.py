"""Waits for SQLite's locks in Python, where others can go on meanwhile.

SQLite sleeps in C while another connection writes, and with gevent the whole worker
sleeps with it: every page, every stream. So it waits for nothing here, and what it
calls busy is tried again after a pause, for as long as OPTIONS["timeout"] says.
https://www.sqlite.org/rescode.html#busy

This needs a transaction_mode of IMMEDIATE, which meets locks at its start alone.
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
FIRST_PAUSE = 0.001  # seconds; each further one is twice as long
LONGEST_PAUSE = 0.05  # seconds


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether a lock is why a statement failed, of whichever kind.

    An old snapshot counts, too: a statement that is repeated gets a new one.
    """
    # The module raises a few errors of its own, which have no code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


class Connection(sqlite3.Connection):
    """A connection that waits for locks for `timeout` seconds, giving way to others."""

    def __init__(
        self, database: Any, *, timeout: float = DEFAULT_TIMEOUT, **options: Any
    ) -> None:
        super().__init__(database, timeout=0, **options)
        self._timeout = timeout

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """Run a statement; Django connects by this."""
        return self.alone(partial(super().execute, *args))

    def commit(self) -> None:
        """Commit; without WAL, a reader can be in the way.

        https://www.sqlite.org/lang_transaction.html says that it may be repeated.
        """
        self._patiently(super().commit)

    def alone(self, run: Callable[[], T]) -> T:
        """Run a statement, again and again if it is alone and a lock is in its way.

        In a transaction what it has read may be out of date by then, and the lock that
        it holds may be what the other one waits for: there it fails at once.
        """
        return run() if self.in_transaction else self._patiently(run)

    def _patiently(self, run: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._timeout
        pause = FIRST_PAUSE
        while True:
            try:
                return run()
            except sqlite3.OperationalError as error:
                left = deadline - time.monotonic()
                if left <= 0 or not is_busy(error):
                    raise
            time.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE)


class Cursor(base.SQLiteCursorWrapper):
    """A cursor whose statements wait as its connection does."""

    connection: Connection

    def execute(self, query: str, params: Any = None) -> Self:
        """Run a statement with its parameters."""
        self.connection.alone(partial(super().execute, query, params))
        return self

    def executemany(self, query: str, param_list: Any) -> Self:
        """Run a statement for each of the parameters.

        Each row would be committed by itself, and a repeat would write the first ones
        twice. In one transaction, only its start can meet a lock.
        """
        connection = self.connection
        # Whose the end of the transaction is: the caller's, without autocommit.
        ours = not connection.in_transaction and connection.isolation_level is None
        if not connection.in_transaction:
            self.execute("BEGIN IMMEDIATE")
        with connection if ours else nullcontext():
            super().executemany(query, param_list)
        return self


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's SQLite with our connections."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return what sqlite3.connect() gets."""
        return {**super().get_connection_params(), "factory": Connection}

    def create_cursor(self, name: str | None = None) -> Cursor:
        """Return a cursor, as Django's own does."""
        connection: Connection = self.connection
        return connection.cursor(Cursor)
