"""Imports a Stack Exchange dump from the command line; prints, and leaves the rest to
`importing` and `replay`.
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

from project.qa.chronology import Chronology
from project.qa.importing import BulkImport, Names, Tally, posts_of
from project.qa.replay import Pace, Replay
from project.qa.stackexchange import (
    MAX_SITE_CHARS,
    AnswerRow,
    AnyPost,
    NotADump,
    QuestionRow,
    Row,
    is_site,
    read_rows,
    site_of,
)

DEFAULT_RATE = 5.0


class Command(BaseCommand):
    """Make people, topics, questions and answers of a dump's `Posts.xml`.

    The file is read from end to end before anything is written: once more for the
    questions and once more for the answers, or, to replay it, into a temporary file
    that puts it in order (see `chronology`). Memory stays the same for any size.
    """

    help = (
        "Import the questions and answers of a Stack Exchange Posts.xml. "
        "What is there already stays as it is, so it may be run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", type=Path, help="the Posts.xml of a dump"
        )
        parser.add_argument(
            "--replay",
            action="store_true",
            help="write the posts one after the other, oldest first, as if people "
            "were writing them now, so that those who follow are notified",
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
            help="only the first N posts of the file; with --replay, the oldest",
        )
        parser.add_argument(
            "--site",
            metavar="NAME",
            help="short name of the site, as in coffee (default: from the file's name, "
            "or else its folder's)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        check_numbers(options["rate"], options["limit"], replay=options["replay"])
        path = Path(options["file"])
        dump = Dump(path, limit=options["limit"])
        names = Names(chosen_site(options["site"], path))
        tally = Tally()
        try:
            if options["replay"]:
                dump.replay(names, tally, Pace(options["rate"] or DEFAULT_RATE))
            else:
                dump.load(names, tally)
        except NotADump as error:
            raise CommandError(f"{path} is {error}.") from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}.") from error
        except (KeyboardInterrupt, DatabaseError, sqlite3.Error) as error:
            self._report(tally, "Stopped after")
            raise interruption(error) from error
        self._report(tally, "Imported")

    def _report(self, tally: Tally, verb: str) -> None:
        for line in tally.problem_lines():
            self.stderr.write(line)
        self.stdout.write(f"{verb} {tally}.")
        if tally.others:
            self.stdout.write(
                f"Left out {tally.others} posts that are neither (wikis of tags, say)."
            )


class Dump:
    """The file, read as often as need be, with a bar for each time on a terminal."""

    def __init__(self, path: Path, *, limit: int | None) -> None:
        if path.exists() and not path.is_file():
            raise CommandError(f"{path} is not a file; name a Posts.xml.")
        self._path = path
        self._limit = limit

    def load(self, names: Names, tally: Tally) -> None:
        """Write the posts in batches, after a look at all of the file."""
        self._check(tally)
        bulk = BulkImport(names, tally)
        posts = self._posts("Questions")
        bulk.add_questions(row for row in posts if isinstance(row, QuestionRow))
        posts = self._posts("Answers")
        bulk.add_answers(row for row in posts if isinstance(row, AnswerRow))

    def replay(self, names: Names, tally: Tally, pace: Pace) -> None:
        """Write the posts one by one, after a look at all of the file."""
        found = posts_of(self._rows("Reading"), tally)
        with Chronology(found, limit=self._limit) as posts:
            turns = tqdm(
                posts, total=len(posts), desc="Replaying", unit="post", disable=None
            )
            Replay(names, tally, pace=pace).run(turns)

    def _check(self, tally: Tally) -> None:
        """Read to the end, so that a file cut off in the middle changes nothing."""
        rows = self._rows("Checking")
        exhaust(islice(posts_of(rows, tally), self._limit))
        exhaust(rows)

    def _posts(self, label: str) -> Iterator[AnyPost]:
        counted_before = Tally()
        return islice(posts_of(self._rows(label), counted_before), self._limit)

    def _rows(self, label: str) -> Iterator[Row]:
        size = self._path.stat().st_size
        with (
            self._path.open("rb") as file,
            tqdm.wrapattr(
                file, "read", size, desc=label, unit="B", unit_scale=True, disable=None
            ) as metered,
        ):
            yield from read_rows(metered)


def check_numbers(rate: float | None, limit: int | None, *, replay: bool) -> None:
    """Raise CommandError unless --rate and --limit can be meant."""
    if rate is not None and not 0 < rate < math.inf:
        raise CommandError(f"--rate is {rate:g}; give posts a second, above 0.")
    if rate is not None and not replay:
        raise CommandError("--rate is the pace of a replay; give --replay as well.")
    if limit is not None and limit < 1:
        raise CommandError(f"--limit is {limit}; give a number of posts, 1 or more.")


def chosen_site(given: str | None, path: Path) -> str:
    """Return the site's short name; raises CommandError when it cannot be one."""
    site = site_of(path) if given is None else given.lower()
    if not is_site(site):
        raise CommandError(
            f"The site cannot be called {site!r}; give a --site of up to "
            f"{MAX_SITE_CHARS} small letters, digits, dots and hyphens, as in coffee."
        )
    return site


def interruption(error: BaseException) -> CommandError:
    """Return the last line of an import that did not come to its end."""
    if isinstance(error, KeyboardInterrupt):
        return CommandError("Interrupted; run it again to go on.", returncode=130)
    reason = " ".join(str(error).split())
    return CommandError(f"The database gave up ({reason}); run it again to go on.")


def exhaust(rows: Iterable[object]) -> None:
    """Read to the end, for the sake of reading."""
    deque(rows, maxlen=0)
