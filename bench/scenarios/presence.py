"""Presence: what it costs to know who is there, while streams stay open."""

import time
from typing import Any

from bench import machine
from bench.column import Column
from bench.plan import Plan
from bench.scenarios.common import columns
from bench.servers import Ours
from bench.servers.ours import STREAM
from bench.summary import Sample, goal

MOST_MICROSECONDS = 1.0
# By the kind of the topics; a topic of the first has no presence.
LABELS = {"topic": "ours, without presence", "room": "ours, with presence"}


class OneTopicEach(Ours):
    """The site, where each person has the page of a topic of their own open."""

    kind = ""

    def lines(self, count: int) -> list[str]:
        keys = self.people.sessions(count)
        paths = (f"{STREAM}?topic={self.kind}:{each}" for each in range(len(keys)))
        return [
            f"{path}\tsessionid={key}" for path, key in zip(paths, keys, strict=True)
        ]


def run(plan: Plan) -> dict[str, Any]:
    """Measure the CPU of the site and its Redis with presence and without."""
    people = plan.usual_users()
    servers = []
    for kind, label in LABELS.items():
        servers.append(OneTopicEach(plan.cores, people, label=label))
        servers[-1].kind = kind
    with columns(servers, plan.presence_streams) as found:
        opened = {
            name: column.open(plan.presence_streams) for name, column in found.items()
        }
        # Until the streams were told who is there.
        time.sleep(plan.presence_seconds / 3)
        before = {name: _cpu(column) for name, column in found.items()}
        time.sleep(plan.presence_seconds)
        rows = [
            {
                "server": name,
                "streams": plan.presence_streams,
                **opened[name],
                **_spent(before[name], _cpu(column), plan),
            }
            for name, column in found.items()
        ]
    without, with_presence = rows
    cost = with_presence["all_us"] - without["all_us"]
    return {
        "rows": rows,
        "goals": [
            goal(
                "microseconds of CPU for presence, a stream a second",
                cost,
                most=MOST_MICROSECONDS,
            )
        ],
        "missing": found.missing,
    }


def _cpu(column: Column) -> Sample:
    """Return the nanoseconds of the workers, and of these and Redis."""
    server = column.server
    assert isinstance(server, Ours)
    assert server.redis.pid
    workers = machine.total_cpu_ns(server.workers())
    return {
        "workers": workers,
        "all": workers + machine.total_cpu_ns([server.redis.pid]),
    }


def _spent(before: Sample, after: Sample, plan: Plan) -> Sample:
    """Return the microseconds for a stream and a second."""
    per = plan.presence_streams * plan.presence_seconds * 1000
    return {f"{name}_us": (after[name] - before[name]) / per for name in before}
