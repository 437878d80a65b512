"""Database: what the pages of seven people cost, with more and more events."""

import json
import os
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.engines import ENGINES
from bench.output import say
from bench.plan import Plan
from bench.population import environment_of
from bench.processes import Missing, run_python
from bench.summary import goal
from project.redis_server import RedisServer

Row = dict[str, Any]
# The p99 in milliseconds, by operation.
GOALS = {"bell": 10.0, "inbox": 30.0}
MOST_GROWTH = 2.0
# Told of the slowest person only.
PLANS = ("slowest", "plan")


def run(plan: Plan) -> dict[str, Any]:
    """Measure on each database, filled with each number of events."""
    rows: list[Row] = []
    missing: dict[str, str] = {}
    for engine in ENGINES:
        try:
            found = [_measure(plan, engine, events) for events in plan.database_events]
        except Missing as error:
            missing[engine] = str(error)
            say(f"  {engine} is missing: {error}")
            continue
        rows += _rows(engine, [row for each in found for row in each])
    return {"rows": rows, "goals": _goals(rows), "missing": missing}


def _measure(plan: Plan, engine: str, events: int) -> list[Row]:
    with ENGINES[engine]() as url, tempfile.TemporaryDirectory() as folder:
        redis, file = RedisServer(Path(folder, "var")), Path(folder, "found.json")
        redis.ensure_running(timeout=10)
        environment = {
            **environment_of(url),
            "DJANGO_SETTINGS_MODULE": "bench.site_settings",
            "ALLOWED_HOSTS": "testserver",
            "BENCH_COMMITS": os.devnull,
            "REDIS_URL": redis.url,
        }
        try:
            run_python(environment, "manage.py", "migrate", "--verbosity=0")
            run_python(environment, "manage.py", "collectstatic", "--noinput")
            sizes = (str(events), str(plan.database_rounds), str(file))
            run_python(environment, "-m", "bench.inboxes", *sizes)
        finally:
            redis.stop()
        found: list[Row] = json.loads(file.read_text())
    for row in found:
        row["events"] = events
    say(f"  {engine}, {events:,} events: {_brief(found)}")
    return found


def _brief(found: list[Row]) -> str:
    return ", ".join(f"{row['operation']} {row['p99_ms']:g}" for row in _slowest(found))


def _slowest(found: list[Row]) -> list[Row]:
    """Return, for each operation, the row of the person for whom it took longest."""
    ordered = sorted(found, key=lambda row: str(row["operation"]))
    groups = groupby(ordered, key=lambda row: str(row["operation"]))
    return [max(group, key=lambda row: float(row["median_ms"])) for _, group in groups]


def _rows(engine: str, found: list[Row]) -> list[Row]:
    """Return a row for each operation and number of events, of the slowest person."""
    rows = []
    for events in sorted({row["events"] for row in found}):
        of_size = [row for row in found if row["events"] == events]
        for row in _slowest(of_size):
            people = [
                {name: value for name, value in each.items() if name not in PLANS}
                for each in of_size
                if each["operation"] == row["operation"]
            ]
            rows.append({"server": engine, **row, "people": people})
    return rows


def _goals(rows: list[Row]) -> list[dict[str, Any]]:
    goals = []
    for engine in dict.fromkeys(row["server"] for row in rows):
        for name in dict.fromkeys(row["operation"] for row in rows):
            of_name = [
                row
                for row in rows
                if (row["server"], row["operation"]) == (engine, name)
            ]
            growth = of_name[-1]["median_ms"] / of_name[0]["median_ms"]
            text = f"{engine}: {name}, the most events relative to the fewest"
            goals.append(goal(text, growth, most=MOST_GROWTH))
            if most := GOALS.get(name):
                text = f"{engine}: p99 of {name} with the most events, in ms"
                slowest = max(each["p99_ms"] for each in of_name[-1]["people"])
                goals.append(goal(text, slowest, most=most))
    return goals
