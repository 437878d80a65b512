"""Broadcast: one topic that everybody follows, at a rate that all can bear."""

from collections.abc import Callable
from functools import partial
from typing import Any

from bench.column import Column
from bench.plan import Plan
from bench.scenarios.common import columns, in_rounds, summarised
from bench.servers import PEERS, EventStream, FlaskSse, Floor, Nchan, Ours
from bench.summary import Sample, goal, ratio

# The peers in Python serve the smallest crowd alone, at a rate that they can bear.
PEERS_DELIVERIES_A_SECOND = 10_000


def run(plan: Plan) -> dict[str, Any]:
    """Measure the CPU and the latency of a delivery, by the number of streams."""
    servers = [
        Floor(plan.cores),
        Ours(plan.cores, plan.usual_people()),
        Nchan(plan.cores),
        EventStream(plan.cores),
        FlaskSse(plan.cores),
    ]
    rows: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    with columns(servers, max(plan.broadcast)) as found:
        for streams in plan.broadcast:
            samples = _at(plan, found, streams)
            rows += _rows(samples, streams)
            goals += _goals(samples, streams)
        return {"rows": rows, "goals": goals, "missing": found.missing}


def _at(plan: Plan, found: dict[str, Column], streams: int) -> dict[str, list[Sample]]:
    measures: dict[str, Callable[[], Sample]] = {}
    for name, column in found.items():
        if name in PEERS and streams > min(plan.broadcast):
            continue
        column.open(streams - column.load.opened)
        rate = plan.deliveries_a_second / streams
        if name in PEERS:
            rate = min(rate, PEERS_DELIVERIES_A_SECOND / streams)
        measures[name] = partial(column.steadily, rate=rate, seconds=plan.seconds)
    return in_rounds(plan.rounds, measures)


def _rows(samples: dict[str, list[Sample]], streams: int) -> list[dict[str, Any]]:
    rows = summarised(samples, streams=streams)
    for row in rows:
        row["by_floor"] = ratio(samples[row["server"]], samples["floor"], "cpu_us")
    return rows


def _goals(samples: dict[str, list[Sample]], streams: int) -> list[dict[str, Any]]:
    ours, at = samples["ours"], f"at {streams:,} streams"
    floor = ratio(ours, samples["floor"], "cpu_us")
    goals = [goal(f"CPU a delivery by the C floor's, {at}", floor, most=1.10)]
    if nchan := samples.get("nchan"):
        cpu, latency = (ratio(ours, nchan, name) for name in ("cpu_us", "p99_ms"))
        goals += [
            goal(f"CPU a delivery by Nchan's, {at}", cpu, most=1.0),
            goal(f"p99 latency by Nchan's, {at}", latency, most=1.0),
        ]
    return goals
