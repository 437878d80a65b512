"""Burst: many events as fast as they go, to streams that have to take them all."""

from functools import partial
from typing import Any

from bench.column import Column
from bench.plan import Plan
from bench.scenarios.common import columns, in_rounds, summarised
from bench.servers import EventStream, FlaskSse, Nchan, Ours
from bench.summary import Sample, goal, ratio


def run(plan: Plan) -> dict[str, Any]:
    """Measure how many deliveries a second a burst makes, and what it loses."""
    servers = [
        Ours(plan.cores, plan.usual_people()),
        Nchan(plan.cores),
        EventStream(plan.cores),
        FlaskSse(plan.cores),
    ]
    with columns(servers, plan.burst_streams) as found:
        for column in found.values():
            column.open(plan.burst_streams)
        samples = in_rounds(
            plan.rounds,
            {name: partial(_burst, plan, column) for name, column in found.items()},
        )
        rows = summarised(samples, streams=plan.burst_streams, events=plan.burst_events)
        return {
            "rows": rows,
            "goals": _goals(samples),
            "missing": found.missing,
        }


def _burst(plan: Plan, column: Column) -> Sample:
    publish = None
    if isinstance(column.server, Nchan):
        publish = column.server.publish_in_parallel
    return column.at_once(plan.burst_events, publish=publish)


def _goals(samples: dict[str, list[Sample]]) -> list[dict[str, Any]]:
    ours = samples["ours"]
    lost = sum(each["lost"] + each["wrong_streams"] for each in ours)
    goals = [goal("events lost, or streams that are wrong", lost, most=0)]
    if nchan := samples.get("nchan"):
        times = ratio(ours, nchan, "deliveries_s")
        goals.append(goal("deliveries a second by Nchan's", times, least=10))
    return goals
