"""Fills the database with COUNT events, and measures ROUNDS of each operation.

`python -m bench.inboxes COUNT ROUNDS FILE`, with the site's settings, on a migrated and
empty database, writes the results to FILE as JSON.
"""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402

from bench.inboxes.fill import fill  # noqa: E402
from bench.inboxes.person import Action, Person  # noqa: E402
from bench.inboxes.profiles import PROFILES  # noqa: E402
from bench.inboxes.queries import queries_of  # noqa: E402
from bench.summary import quantile  # noqa: E402


def measure(rounds: int) -> list[dict[str, Any]]:
    """Return a row for each profile and operation, measured in turn."""
    people = {each.name: Person(each.create()) for each in PROFILES}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    measured = [
        (profile, operation, action)
        for profile, person in people.items()
        for operation, action in person.actions().items()
    ]
    queries = [queries_of(action) for _, _, action in measured]
    times: list[list[float]] = [[] for _ in measured]
    for _ in range(rounds):
        for (_, _, action), found in zip(measured, times, strict=True):
            found.append(_milliseconds(action))
    return [
        {
            "profile": profile,
            "operation": operation,
            "median_ms": round(quantile(found, 0.5), 2),
            "p99_ms": round(quantile(found, 0.99), 2),
            **asdict(reads),
        }
        for (profile, operation, _), found, reads in zip(
            measured, times, queries, strict=True
        )
    ]


def _milliseconds(action: Action) -> float:
    start = time.perf_counter()
    found = action.run()
    milliseconds = (time.perf_counter() - start) * 1_000
    action.undo(found)
    return milliseconds


def main(count: int, rounds: int, file: Path) -> None:
    """Fill the database, measure, and write the file."""
    fill(count)
    file.write_text(json.dumps(measure(rounds)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
