"""Burst: many events at maximum speed, all for every stream."""

from functools import partial
from typing import Any

from bench.column import Column
from bench.plan import Plan
from bench.scenarios.common import columns, in_rounds, summarised
from bench.servers import EventStream, FlaskSse, Nchan, Ours
from bench.summary import Sample, goal, ratio


def run(plan: Plan) -> dict[str, Any]:
    """Measure the deliveries per second in a burst, and the lost events."""
    servers = [
        Ours(plan.cores, plan.usual_users()),
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
    goals = [goal("lost events and wrong streams", lost, most=0)]
    if nchan := samples.get("nchan"):
        times = ratio(ours, nchan, "deliveries_s")
        goals.append(goal("deliveries per second relative to Nchan", times, least=10))
    return goals
