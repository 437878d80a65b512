"""Routing: many topics, each followed by few of the streams."""

from functools import partial
from typing import Any

from bench.column import Column
from bench.plan import Plan
from bench.population import TOPICS
from bench.scenarios.common import in_rounds, summarised
from bench.servers import Ours
from bench.summary import goal, ratio


def run(plan: Plan) -> dict[str, Any]:
    """Compare events for few streams with events for all of them."""
    people, streams = plan.many_topics_users(), plan.routing_streams
    follows = [[_topic(each) for each in numbers] for numbers in people.topics(streams)]
    with (
        Ours(plan.cores, people) as server,
        Column(server, server.load(streams), topics=follows) as column,
    ):
        column.open(streams)
        samples = in_rounds(
            plan.rounds,
            {
                "broadcast": partial(
                    column.steadily,
                    rate=plan.deliveries_per_second / streams,
                    seconds=plan.seconds,
                ),
                "routing": partial(
                    column.steadily,
                    rate=plan.routing_events_per_second,
                    seconds=plan.seconds,
                    topics=[_topic(number) for number in range(TOPICS)],
                ),
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


def _topic(number: int) -> str:
    return f"topic:t{number}"
