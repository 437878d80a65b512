"""Scale-out: the same streams in several processes."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from bench import machine
from bench.column import Column
from bench.follow_changes import FollowChanges
from bench.output import say
from bench.plan import Plan
from bench.scenarios.common import in_rounds
from bench.servers import Ours
from bench.summary import Sample, goal, of_rounds, ratio

# A ratio up to this counts as equal.
EQUAL = 1.1
# What a stream may take more after it was held, with a new follow for some.
GROWN_BYTES = 200


def run(plan: Plan) -> dict[str, Any]:
    """Compare sites with several processes, all on one core."""
    with ExitStack() as ending:
        sites = {each: _site(plan, each, ending) for each in plan.scale_processes}
        opened = {
            each: _open(plan, each, column) for each, (_, column) in sites.items()
        }
        samples = in_rounds(
            plan.rounds,
            {
                str(each): partial(
                    column.steadily,
                    rate=plan.deliveries_per_second / column.load.opened,
                    seconds=plan.seconds,
                )
                for each, (_, column) in sites.items()
            },
        )
        held = {
            each: _hold(plan, server, column)
            for each, (server, column) in sites.items()
            if each > 1
        }
        for each, (server, _) in sites.items():
            opened[each]["redis_clients"] = server.redis_clients()
    rows = [
        {
            "server": "ours",
            "processes": each,
            **opened[each],
            **of_rounds(samples[str(each)]),
            **{f"held_{name}": value for name, value in held.get(each, {}).items()},
            "rounds": samples[str(each)],
        }
        for each in sites
    ]
    goals = [*_goals(rows, samples), *_goals_of_held(held)]
    return {"rows": rows, "goals": goals, "missing": {}}


def _hold(plan: Plan, server: Ours, column: Column) -> Sample:
    """Hold the streams while people change what they follow, and all get events."""
    before = column.memory()
    with FollowChanges(server, rate=plan.scale_changes_per_second) as changes:
        sample = column.steadily(
            rate=plan.scale_events_per_second, seconds=plan.scale_seconds
        )
    grown = (column.memory() - before) / column.load.opened
    say(f"  {server.label}: held, with {changes.count:,} changes of follows")
    return {**sample, "changes": changes.count, "grown_bytes": grown}


def _goals_of_held(held: Mapping[int, Sample]) -> list[dict[str, Any]]:
    goals = []
    for count, sample in held.items():
        wrong = sum(sample[name] for name in ("lost", "extra", "disorder", "dropped"))
        label = f"held by {count} processes"
        grown = sample["grown_bytes"]
        goals += [
            goal(f"events lost, doubled or in disorder, {label}", wrong, most=0),
            goal(f"growth of a stream in bytes, {label}", grown, most=GROWN_BYTES),
        ]
    return goals


def _site(plan: Plan, processes: int, ending: ExitStack) -> tuple[Ours, Column]:
    server = Ours(
        plan.cores, plan.usual_users(), label=f"ours-{processes}", workers=processes
    )
    ending.enter_context(server)
    column = Column(server, server.load(_streams(plan, processes)))
    return server, ending.enter_context(column)


def _streams(plan: Plan, processes: int) -> int:
    """Return the number of streams; the open files of one process limit it."""
    return plan.scale_alone if processes == 1 else plan.scale_streams


def _open(plan: Plan, processes: int, column: Column) -> Sample:
    column.warm()
    before = column.memory()
    streams = _streams(plan, processes)
    column.open(streams, in_flight=plan.idle_in_flight)
    shares = [machine.sockets(pid) for pid in column.server.workers()]
    return {
        "streams": streams,
        "bytes": (column.memory() - before) / streams,
        "most_in_one": max(shares),
        "fewest_in_one": min(shares),
    }


def _goals(
    rows: list[dict[str, Any]], samples: dict[str, list[Sample]]
) -> list[dict[str, Any]]:
    first, *others = rows
    goals = []
    for row in others:
        count = row["processes"]
        cpu = ratio(samples[str(count)], samples[str(first["processes"])], "cpu_us")
        memory = row["bytes"] / first["bytes"]
        label = f"{count} processes relative to 1"
        goals += [
            goal(
                f"memory per stream, {label}",
                memory,
                most=EQUAL,
            ),
            goal(f"CPU per delivery, {label}", cpu, most=EQUAL),
        ]
    most = max(row["redis_clients"] / row["processes"] for row in rows)
    return [*goals, goal("Redis clients per process", most, most=6)]
