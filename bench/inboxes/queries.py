"""The queries of an action: how many, the rows that they read, and the slowest."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.inboxes.person import Action

# How much of the slowest query and of its plan is kept: they may name 500 topics.
MOST_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Queries:
    """`rows_read` is None where the database does not tell."""

    queries: int
    rows_read: int | None
    slowest: str
    plan: str


def queries_of(action: Action) -> Queries:
    """Run an action once, and explain its queries."""
    with CaptureQueriesContext(connection) as captured:
        found = action.run()
    # Now: the next request empties the log.
    queries = list(captured.captured_queries)
    action.undo(found)
    statements = [each for each in queries if _is_read(each["sql"])]
    slowest = max(statements, key=lambda each: float(each["time"]))["sql"]
    rows = None
    if connection.vendor == "postgresql":
        rows = sum(_rows_read(each["sql"]) for each in statements)
    kept = [text[:MOST_CHARACTERS] for text in (slowest, _plan(slowest))]
    return Queries(len(queries), rows, *kept)


def _is_read(sql: str) -> bool:
    # Locking rows is left out: it would need a transaction.
    return sql.startswith(("SELECT", "\nSELECT", "WITH")) and "FOR UPDATE" not in sql


def _plan(sql: str) -> str:
    """Return how the database runs a query, as text."""
    if connection.vendor == "postgresql":
        return "\n".join(row[0] for row in _all(f"EXPLAIN (ANALYZE, BUFFERS) {sql}"))
    return "\n".join(row[3] for row in _all(f"EXPLAIN QUERY PLAN {sql}"))


def _rows_read(sql: str) -> int:
    """Return how many rows the scans of a query read, those left out included."""
    [(found,)] = _all(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
    plan = json.loads(found) if isinstance(found, str) else found
    return sum(
        int((each["Actual Rows"] + each.get("Rows Removed by Filter", 0)) * loops)
        for each in _nodes(plan[0]["Plan"])
        if (loops := each["Actual Loops"]) and "Scan" in each["Node Type"]
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


def _all(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()
