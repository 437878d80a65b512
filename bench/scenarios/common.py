"""What the scenarios share: starting the servers, and measuring in rounds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.column import Column
from bench.output import say
from bench.processes import Failed, Missing
from bench.servers import Server
from bench.summary import Sample, of_rounds


class Columns(dict[str, Column]):
    """The columns by name, and the reasons why others are missing."""

    def __init__(self) -> None:
        super().__init__()
        self.missing: dict[str, str] = {}


@contextmanager
def columns(servers: Sequence[Server], count: int) -> Iterator[Columns]:
    """Start the servers, each with a load client for `count` streams.

    A server that is not installed or does not start is left out, unless it is needed.
    """
    found = Columns()
    with ExitStack() as ending:
        for server in servers:
            try:
                ending.enter_context(server)
            except (Missing, Failed) as error:
                if server.is_needed:
                    raise
                found.missing[server.label] = str(error)
                say(f"  {server.label} is missing: {error}")
                continue
            column = Column(server, server.load(count))
            found[server.label] = ending.enter_context(column)
        yield found


def in_rounds(
    rounds: int, measures: Mapping[str, Callable[[], Sample]]
) -> dict[str, list[Sample]]:
    """Measure every server in each round; each round starts with another server.

    So other work of the machine affects all servers equally.
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
    """Return a row for each column: its labels, its figures and its rounds."""
    return [
        {"server": name, **labels, **of_rounds(each), "rounds": each}
        for name, each in samples.items()
        if each
    ]
