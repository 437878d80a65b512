"""Idle: as many streams as fit into one process, with heartbeats only."""

import time
from typing import Any

from bench import machine
from bench.column import Column
from bench.plan import Plan
from bench.scenarios.common import columns
from bench.servers import PEERS, EventStream, FlaskSse, Floor, Nchan, Ours
from bench.summary import Sample, goal

# More would take the peers in Python minutes, with the same memory per stream.
PEER_STREAMS = 1_000
MOST_BYTES = 2_048
MOST_CPU_PERCENT = 2.0


def run(plan: Plan) -> dict[str, Any]:
    """Measure the memory per stream, and the CPU of all while no events come."""
    servers = [
        Ours(plan.cores, plan.usual_users()),
        Nchan(plan.cores),
        Floor(plan.cores),
        EventStream(plan.cores),
        FlaskSse(plan.cores),
    ]
    with columns(servers, plan.idle_streams) as found:
        rows = {name: _opened(column, plan, name) for name, column in found.items()}
        # All servers idle at the same time: each has its own CPU clock.
        before = {name: _cpu(column) for name, column in found.items()}
        time.sleep(plan.idle_seconds)
        for name, column in found.items():
            percent = (_cpu(column) - before[name]) / plan.idle_seconds / 1e7
            rows[name] |= {"cpu_percent": percent, **_memory(column, rows[name])}
        ours = rows["ours"]
        return {
            "rows": [{"server": name, **row} for name, row in rows.items()],
            "goals": [
                goal(
                    "bytes of process memory per stream", ours["bytes"], most=MOST_BYTES
                ),
                goal(
                    "percent of a core for heartbeats",
                    ours["cpu_percent"],
                    most=MOST_CPU_PERCENT,
                ),
            ],
            "missing": found.missing,
        }


def _opened(column: Column, plan: Plan, name: str) -> Sample:
    streams = min(PEER_STREAMS, plan.idle_streams)
    if name not in PEERS:
        streams = plan.idle_streams
    column.warm()
    before = column.memory()
    opened = column.open(streams, in_flight=plan.idle_in_flight)
    return {"streams": streams, "before_bytes": before, **opened}


def _cpu(column: Column) -> int:
    return machine.total_cpu_ns(column.server.workers())


def _memory(column: Column, row: Sample) -> Sample:
    after = column.memory()
    return {
        "after_bytes": after,
        "bytes": (after - row["before_bytes"]) / row["streams"],
    }
