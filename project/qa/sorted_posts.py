"""Sorts the posts of a dump by date, on disk; knows no ORM.

A dump is ordered by id, which is not quite the order of dates: a post that was moved
from another site keeps its date but gets a new id. The sort uses a temporary SQLite
file, so it needs a few megabytes of memory for a dump of any size, and until `close`
about the size of the dump on disk (in SQLITE_TMPDIR, TMPDIR or /var/tmp).
"""

import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import msgspec

from project.qa.stackexchange import AnswerRow, AnyPost

# For an empty name SQLite makes a private file, which it deletes on close.
# https://www.sqlite.org/inmemorydb.html#temp_db
TEMPORARY_FILE = ""

CREATE_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE post (key INTEGER PRIMARY KEY, packed BLOB);
    CREATE TABLE date (key INTEGER, id INTEGER, question INTEGER, created TEXT);
"""
# An answer can be older than its question, when two questions were merged. It then
# sorts by the date of the question, right after it.
SORT = """
    CREATE TABLE sorted AS
    SELECT date.key FROM date
    LEFT JOIN (SELECT id, max(created) AS created FROM date
               WHERE question IS NULL GROUP BY id) AS asked ON asked.id = date.question
    ORDER BY max(date.created, coalesce(asked.created, '')),
             date.question IS NOT NULL, date.id
    LIMIT ?
"""
SELECT_SORTED = "SELECT packed FROM sorted JOIN post USING (key) ORDER BY sorted.rowid"
NO_LIMIT = -1


class SortedPosts:
    """The posts of a dump, oldest first, each question before its answers."""

    def __init__(self, posts: Iterable[AnyPost], *, limit: int | None = None) -> None:
        """Read all of `posts` and keep the oldest `limit` of them."""
        self._decoder = msgspec.msgpack.Decoder[AnyPost](AnyPost)
        self._database = sqlite3.connect(TEMPORARY_FILE, isolation_level=None)
        self._database.executescript(CREATE_TABLES)
        try:
            self._insert(posts)
            self._database.execute(SORT, [NO_LIMIT if limit is None else limit])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        rows = self._database.execute("SELECT count(*) FROM sorted")
        count: int = rows.fetchone()[0]
        return count

    def __iter__(self) -> Iterator[AnyPost]:
        for (packed,) in self._database.execute(SELECT_SORTED):
            yield self._decoder.decode(packed)

    def close(self) -> None:
        """Delete the temporary file; idempotent."""
        self._database.close()

    def _insert(self, posts: Iterable[AnyPost]) -> None:
        for key, post in enumerate(posts):
            question = post.question if isinstance(post, AnswerRow) else None
            created = post.created.isoformat(timespec="microseconds")
            self._database.execute(
                "INSERT INTO date VALUES (?, ?, ?, ?)",
                (key, post.id, question, created),
            )
            packed = msgspec.msgpack.encode(post)
            self._database.execute("INSERT INTO post VALUES (?, ?)", (key, packed))
