"""What scenarios share: columns that are there or missing, and rounds of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.column import Column
from bench.output import say
from bench.processes import Failed, Missing
from bench.servers import Server
from bench.summary import Sample, of_rounds


class Columns(dict[str, Column]):
    """Columns by name, and why others are missing."""

    def __init__(self) -> None:
        super().__init__()
        self.missing: dict[str, str] = {}


@contextmanager
def columns(servers: Sequence[Server], count: int) -> Iterator[Columns]:
    """Start servers, each with a load client for so many streams; give those there."""
    found = Columns()
    with ExitStack() as ending:
        for server in servers:
            try:
                ending.enter_context(server)
            except (Missing, Failed) as why:
                if server.is_needed:
                    raise
                found.missing[server.label] = str(why)
                say(f"  {server.label} is missing: {why}")
                continue
            column = Column(server, server.load(count))
            found[server.label] = ending.enter_context(column)
        yield found


def in_rounds(
    rounds: int, measures: Mapping[str, Callable[[], Sample]]
) -> dict[str, list[Sample]]:
    """Measure all in each round, one after the other; each round begins with another.

    So what the machine does besides hits all alike.
    """
    found: dict[str, list[Sample]] = {name: [] for name in measures}
    names = list(measures)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            sample = measures[name]()
            found[name].append(sample)
            say(f"  round {number + 1}: {name}: {_brief(sample)}")
    return found


def _brief(sample: Sample) -> str:
    return ", ".join(
        f"{name} {value:,.2f}".rstrip("0").rstrip(".")
        for name, value in sample.items()
        if isinstance(value, int | float)
    )


def summarised(
    samples: Mapping[str, list[Sample]], **labels: Any
) -> list[dict[str, Any]]:
    """Return a row for each column: its labels, its figures, and every round."""
    return [
        {"server": name, **labels, **of_rounds(each), "rounds": each}
        for name, each in samples.items()
        if each
    ]
