"""./manage.py sse_prune: delete old events."""

import re
import time
from argparse import ArgumentTypeError
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from notifications import databases
from notifications.exceptions import shorten
from notifications.publishing.pruning import Pruning

# The exit status after Ctrl-C, as shells have it.
INTERRUPTED = 130
BATCH = 1_000
# SQLite takes at least 32,766 parameters in a statement.
MAX_BATCH = 10_000
# In seconds, between two lines of progress.
PROGRESS_INTERVAL = 1.0
_AGE = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _moment(text: str) -> datetime:
    """Return the time that is this long ago: `90d` is 90 days."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(
            f"{shorten(text)} is not an age: expected a number from 1 with m, h, d or "
            "w, as in 90d"
        )
    try:
        return timezone.now() - timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise ArgumentTypeError(f"{text} ago is before the year 1") from None


def _batch(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_BATCH):
        raise ArgumentTypeError(
            f"{shorten(text)} is not a number of rows: expected 1 to {MAX_BATCH}"
        )
    return int(text)


class Command(BaseCommand):
    """Delete the events that were relayed before a time, with their topics and marks.

    Each batch is a transaction of its own.
    """

    help = (
        "Delete events that were relayed longer ago than an age, from inboxes and from "
        "the database. Pending events stay. It may be interrupted at any time, and "
        "continues when it is run again. Progress goes to stderr."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            required=True,
            type=_moment,
            metavar="AGE",
            help="a number and m, h, d or w: 90d is 90 days, 12h is 12 hours",
        )
        parser.add_argument(
            "--batch",
            type=_batch,
            default=BATCH,
            metavar="ROWS",
            help=f"how many events a transaction deletes; {BATCH} by default",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print how many, and delete nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        older_than, batch = options["older_than"], options["batch"]
        prunings = [
            Pruning(older_than, batch=batch, using=alias)
            for alias in databases.recorded_aliases()
        ]
        total = sum(each.count_events() for each in prunings)
        if options["dry_run"]:
            self.stdout.write(f"Events to delete: {total}.")
            return
        self._deleted = 0
        try:
            events = (each.delete_events() for each in prunings)
            self._report(chain.from_iterable(events), total)
            marks = sum(sum(each.delete_marks()) for each in prunings)
        except KeyboardInterrupt:
            message = (
                f"Interrupted. Events deleted so far: {self._deleted}. Run the command "
                "again to continue."
            )
            raise CommandError(message, returncode=INTERRUPTED) from None
        self.stdout.write(f"Events deleted: {self._deleted}. Read marks: {marks}.")

    def _report(self, batches: Iterable[int], total: int) -> None:
        """Add up what is deleted, and write the progress to stderr."""
        began = reported = time.monotonic()
        for rows in batches:
            self._deleted += rows
            now = time.monotonic()
            if now - reported >= PROGRESS_INTERVAL:
                rate = self._deleted / (now - began)
                self.stderr.write(
                    f"{self._deleted} of {total} events, {rate:.0f} a second"
                )
                reported = now
