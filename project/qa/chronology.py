"""Puts the posts of a dump in the order in which they were written; knows no ORM.

A dump is ordered by id, which is nearly the same but not quite: posts that were moved
keep the date of their old site. The posts wait in a temporary file of SQLite's, so that
a dump of any size takes a few megabytes of memory, and until `close` about its own size
of the disk (SQLITE_TMPDIR, TMPDIR or /var/tmp).
"""

import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import msgspec

from project.qa.stackexchange import AnswerRow, AnyPost

# An empty name makes SQLite keep a private file, deleted as soon as it is closed.
PRIVATE_FILE = ""

TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE post (key INTEGER PRIMARY KEY, packed BLOB);
    CREATE TABLE turn (key INTEGER, id INTEGER, question INTEGER, created TEXT);
"""
# An answer whose question was written later (two were merged) comes after it.
LINE_UP = """
    CREATE TABLE line AS
    SELECT turn.key FROM turn
    LEFT JOIN (SELECT id, max(created) AS created FROM turn
               WHERE question IS NULL GROUP BY id) AS asked ON asked.id = turn.question
    ORDER BY max(turn.created, coalesce(asked.created, '')),
             turn.question IS NOT NULL, turn.id
    LIMIT ?
"""
NEXT = "SELECT packed FROM line JOIN post USING (key) ORDER BY line.rowid"
NO_LIMIT = -1


class Chronology:
    """The posts of a dump, oldest first, and each question before its answers."""

    def __init__(self, posts: Iterable[AnyPost], *, limit: int | None = None) -> None:
        """Read all of `posts`, and keep the oldest `limit`."""
        self._decoder = msgspec.msgpack.Decoder[AnyPost](AnyPost)
        self._file = sqlite3.connect(PRIVATE_FILE, isolation_level=None)
        self._file.executescript(TABLES)
        try:
            self._fill(posts)
            self._file.execute(LINE_UP, [NO_LIMIT if limit is None else limit])
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
        count: int = self._file.execute("SELECT count(*) FROM line").fetchone()[0]
        return count

    def __iter__(self) -> Iterator[AnyPost]:
        for (packed,) in self._file.execute(NEXT):
            yield self._decoder.decode(packed)

    def close(self) -> None:
        """Give the temporary file back; may be repeated."""
        self._file.close()

    def _fill(self, posts: Iterable[AnyPost]) -> None:
        for key, post in enumerate(posts):
            question = post.question if isinstance(post, AnswerRow) else None
            turn = (
                key,
                post.id,
                question,
                post.created.isoformat(timespec="microseconds"),
            )
            self._file.execute("INSERT INTO turn VALUES (?, ?, ?, ?)", turn)
            packed = msgspec.msgpack.encode(post)
            self._file.execute("INSERT INTO post VALUES (?, ?)", (key, packed))
