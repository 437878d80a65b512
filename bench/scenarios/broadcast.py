"""Broadcast: one topic that all streams follow, at a rate below the servers' limits."""

from collections.abc import Callable
from functools import partial
from typing import Any

from bench.column import Column
from bench.plan import Plan
from bench.scenarios.common import columns, in_rounds, summarised
from bench.servers import PEERS, EventStream, FlaskSse, Floor, Nchan, Ours
from bench.summary import Sample, goal, ratio

# The peers in Python get the smallest number of streams only, and a lower rate.
PEERS_DELIVERIES_PER_SECOND = 10_000


def run(plan: Plan) -> dict[str, Any]:
    """Measure the CPU and the latency per delivery for several numbers of streams."""
    servers = [
        Floor(plan.cores),
        Ours(plan.cores, plan.usual_users()),
        Nchan(plan.cores),
        EventStream(plan.cores),
        FlaskSse(plan.cores),
    ]
    rows: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    with columns(servers, max(plan.broadcast)) as found:
        for streams in plan.broadcast:
            samples = _measure(plan, found, streams)
            rows += _rows(samples, streams)
            goals += _goals(samples, streams)
        return {"rows": rows, "goals": goals, "missing": found.missing}


def _measure(
    plan: Plan, found: dict[str, Column], streams: int
) -> dict[str, list[Sample]]:
    measures: dict[str, Callable[[], Sample]] = {}
    for name, column in found.items():
        if name in PEERS and streams > min(plan.broadcast):
            continue
        column.open(streams - column.load.opened)
        rate = plan.deliveries_per_second / streams
        if name in PEERS:
            rate = min(rate, PEERS_DELIVERIES_PER_SECOND / streams)
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
    goals = [goal(f"CPU per delivery relative to the C floor, {at}", floor, most=1.10)]
    if nchan := samples.get("nchan"):
        cpu, latency = (ratio(ours, nchan, name) for name in ("cpu_us", "p99_ms"))
        goals += [
            goal(f"CPU per delivery relative to Nchan, {at}", cpu, most=1.0),
            goal(f"p99 latency relative to Nchan, {at}", latency, most=1.0),
        ]
    return goals
