"""Imports a Stack Exchange dump: options, progress bars and messages.

The posts are written by `bulk_import` or `replay`.
"""

import math
import sqlite3
from argparse import ArgumentParser
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from project.qa.bulk_import import BulkImport, ImportStats, SiteNames, only_posts
from project.qa.replay import RateLimiter, Replay
from project.qa.sorted_posts import SortedPosts
from project.qa.stackexchange import (
    MAX_SITE_CHARS,
    AnswerRow,
    AnyPost,
    NotADump,
    QuestionRow,
    Row,
    is_site_name,
    read_rows,
    site_name_of,
)

DEFAULT_RATE = 5.0


class Command(BaseCommand):
    """Create users, topics, questions and answers from a dump's `Posts.xml`.

    The file is read to its end before anything is written. A bulk import then reads it
    again for the questions and again for the answers; a replay sorts it in a temporary
    file (see `sorted_posts`). Neither holds the dump in memory.
    """

    help = (
        "Import the questions and answers of a Stack Exchange Posts.xml. "
        "Existing posts are not changed, so the command may be run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", type=Path, help="the Posts.xml of a dump"
        )
        parser.add_argument(
            "--replay",
            action="store_true",
            help="save the posts one by one, oldest first, dated now, so that "
            "followers are notified",
        )
        parser.add_argument(
            "--rate",
            type=float,
            metavar="N",
            help=f"posts a second with --replay (default: {DEFAULT_RATE:g})",
        )
        parser.add_argument(
            "--limit",
            type=int,
            metavar="N",
            help="import only the first N posts of the file; with --replay, the oldest",
        )
        parser.add_argument(
            "--site",
            metavar="NAME",
            help="short name of the site, such as coffee (default: taken from the "
            "name of the file or its folder)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        check_numbers(options["rate"], options["limit"], replay=options["replay"])
        path = Path(options["file"])
        dump = Dump(path, limit=options["limit"])
        names = SiteNames(site_name(options["site"], path))
        stats = ImportStats()
        try:
            if options["replay"]:
                limiter = RateLimiter(options["rate"] or DEFAULT_RATE)
                dump.replay(names, stats, limiter)
            else:
                dump.load(names, stats)
        except NotADump as error:
            raise CommandError(f"{path} is {error}.") from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}.") from error
        except (KeyboardInterrupt, DatabaseError, sqlite3.Error) as error:
            self._report(stats, "Stopped after")
            raise interruption(error) from error
        self._report(stats, "Imported")

    def _report(self, stats: ImportStats, verb: str) -> None:
        for line in stats.problem_lines():
            self.stderr.write(line)
        self.stdout.write(f"{verb} {stats}.")
        if stats.other_rows:
            self.stdout.write(
                f"Left out {stats.other_rows} posts of other kinds, such as tag wikis."
            )


class Dump:
    """A `Posts.xml`; each pass over it shows a progress bar on a terminal."""

    def __init__(self, path: Path, *, limit: int | None) -> None:
        if path.exists() and not path.is_file():
            raise CommandError(f"{path} is not a file; expected a Posts.xml.")
        self._path = path
        self._limit = limit

    def load(self, names: SiteNames, stats: ImportStats) -> None:
        """Write the posts in batches, once the whole file is known to be sound."""
        self._check(stats)
        bulk = BulkImport(names, stats)
        posts = self._posts("Questions")
        bulk.add_questions(row for row in posts if isinstance(row, QuestionRow))
        posts = self._posts("Answers")
        bulk.add_answers(row for row in posts if isinstance(row, AnswerRow))

    def replay(
        self, names: SiteNames, stats: ImportStats, rate_limiter: RateLimiter
    ) -> None:
        """Save the posts one by one, once the whole file is known to be sound."""
        found = only_posts(self._rows("Reading"), stats)
        with SortedPosts(found, limit=self._limit) as posts:
            progress = tqdm(
                posts, total=len(posts), desc="Replaying", unit="post", disable=None
            )
            Replay(names, stats, rate_limiter=rate_limiter).run(progress)

    def _check(self, stats: ImportStats) -> None:
        """Read the file to its end; a truncated one raises before anything is written.

        Problems beyond the limit are not counted.
        """
        rows = self._rows("Checking")
        exhaust(islice(only_posts(rows, stats), self._limit))
        exhaust(rows)

    def _posts(self, label: str) -> Iterator[AnyPost]:
        # The check has counted the rows already.
        return islice(only_posts(self._rows(label), ImportStats()), self._limit)

    def _rows(self, label: str) -> Iterator[Row]:
        size = self._path.stat().st_size
        with (
            self._path.open("rb") as file,
            tqdm.wrapattr(
                file, "read", size, desc=label, unit="B", unit_scale=True, disable=None
            ) as monitored,
        ):
            yield from read_rows(monitored)


def check_numbers(rate: float | None, limit: int | None, *, replay: bool) -> None:
    """Raise CommandError unless --rate and --limit make sense."""
    if rate is not None and not 0 < rate < math.inf:
        raise CommandError(f"--rate is {rate:g}; expected posts a second, above 0.")
    if rate is not None and not replay:
        raise CommandError("--rate needs --replay.")
    if limit is not None and limit < 1:
        raise CommandError(
            f"--limit is {limit}; expected a number of posts, 1 or more."
        )


def site_name(given: str | None, path: Path) -> str:
    """Return the site's short name; raises CommandError for an invalid one."""
    name = site_name_of(path) if given is None else given.lower()
    if not is_site_name(name):
        raise CommandError(
            f"{name!r} is not the name of a site; expected a --site of up to "
            f"{MAX_SITE_CHARS} lower-case letters, digits, dots and hyphens."
        )
    return name


def interruption(error: BaseException) -> CommandError:
    """Return the error that an interrupted import ends with."""
    if isinstance(error, KeyboardInterrupt):
        return CommandError("Interrupted; run it again to resume.", returncode=130)
    reason = " ".join(str(error).split())
    return CommandError(f"The database failed ({reason}); run it again to resume.")


def exhaust(rows: Iterable[object]) -> None:
    """Consume an iterator."""
    deque(rows, maxlen=0)
