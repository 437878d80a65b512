"""Routing: many topics, each followed by few of the streams."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.column import Column, Sample
from bench.plan import Plan
from bench.population import TOPICS
from bench.scenarios.common import in_rounds, summarised
from bench.servers import Ours
from bench.summary import goal, ratio


def run(plan: Plan) -> dict[str, Any]:
    """Compare events for few streams with events for all of them."""
    streams = plan.routing_streams
    with column(plan) as ours:
        ours.open(streams)
        samples = in_rounds(
            plan.rounds,
            {
                "broadcast": partial(
                    ours.steadily,
                    rate=plan.deliveries_per_second / streams,
                    seconds=plan.seconds,
                ),
                "routing": partial(to_few, plan, ours),
            },
        )
    share = ratio(samples["routing"], samples["broadcast"], "cpu_us")
    wrong = sum(each["wrong_streams"] for each in samples["routing"])
    return {
        "rows": summarised(samples, streams=streams, topics=TOPICS, followed=20),
        "goals": [
            goal("CPU per delivery relative to a broadcast", share, most=1.5),
            goal("streams with missing or wrong events", wrong, most=0),
        ],
        "missing": {},
    }


@contextmanager
def column(plan: Plan) -> Iterator[Column]:
    """Give a server of people who follow 20 of many topics each, and its streams."""
    people, streams = plan.many_topics_users(), plan.routing_streams
    follows = [[_topic(each) for each in numbers] for numbers in people.topics(streams)]
    with (
        Ours(plan.cores, people) as server,
        Column(server, server.load(streams), topics=follows) as found,
    ):
        yield found


def to_few(plan: Plan, column: Column) -> Sample:
    """Publish events to random topics; return what their deliveries cost."""
    return column.steadily(
        rate=plan.routing_events_per_second,
        seconds=plan.seconds,
        topics=[_topic(number) for number in range(TOPICS)],
    )


def _topic(number: int) -> str:
    return f"topic:t{number}"
