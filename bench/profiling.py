"""`python -m bench.profiling`: profiles the worker with py-spy.

Writes `profile-NAME.txt` next to the results: each function with at least two percent
of the samples, with the functions that it calls indented below.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from django.conf import settings

settings.configure()

from bench import build, machine, plan, results  # noqa: E402
from bench.column import Column  # noqa: E402
from bench.output import say  # noqa: E402
from bench.processes import VAR  # noqa: E402
from bench.scenarios import routing  # noqa: E402
from bench.scenarios.common import columns  # noqa: E402
from bench.servers import Ours  # noqa: E402

SPY = VAR / "envs" / "py_spy" / "bin" / "py-spy"
SAMPLES_PER_SECOND = 250
MIN_PERCENT = 2.0
BROADCAST_STREAMS, STORM_STREAMS, STORM_MISSED = 1_000, 3_000, 100
SECONDS = 5.0

# The number of samples of each function, and the functions that it called.
Calls = dict[str, tuple[int, "Calls"]]


def main() -> None:
    """Profile a broadcast, a storm and routing."""
    build.build()
    cores = machine.available_cores()
    os.sched_setaffinity(0, {cores.load})
    names = ("broadcast", "storm", "routing")
    chosen = plan.Plan(cores, scenarios=names)
    people = chosen.usual_users()
    with columns([Ours(cores, people)], BROADCAST_STREAMS) as found:
        profile("broadcast", found["ours"], BROADCAST_STREAMS, _broadcast)
    with columns([Ours(cores, people)], STORM_STREAMS) as found:
        profile("storm", found["ours"], STORM_STREAMS, _storm)
    with routing.column(chosen) as column:
        measure = partial(routing.to_few, chosen)
        profile("routing", column, chosen.routing_streams, measure)


def profile(
    name: str, column: Column, streams: int, measure: Callable[[Column], object]
) -> None:
    """Write the profile of one scenario."""
    say(f"profile of {name} ...")
    raw = VAR / f"profile-{name}.raw"
    column.open(streams)
    # A first run, so that the profile has no one-time work.
    measure(column)
    with _spying(column.server.workers()[0], raw):
        measure(column)
    text = "\n".join(tree(_calls(raw.read_text())))
    (results.PUBLISHED / f"profile-{name}.txt").write_text(f"{text}\n")


def _broadcast(column: Column) -> None:
    column.steadily(rate=50_000 / BROADCAST_STREAMS, seconds=SECONDS)


def _storm(column: Column) -> None:
    events = column.cut_and_publish(STORM_MISSED)
    column.reconnect(events, in_flight=1_000)


@contextmanager
def _spying(pid: int, raw: Path) -> Iterator[None]:
    command: list[str | Path] = [
        SPY,
        "record",
        "--pid",
        str(pid),
        "--rate",
        str(SAMPLES_PER_SECOND),
    ]
    command += ["--format", "raw", "--function", "--output", raw]
    # py-spy records until SIGINT, and then writes its output.
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as spy:
        try:
            yield
        finally:
            spy.send_signal(signal.SIGINT)


def _calls(raw: str) -> Calls:
    """Parse stacks, which are written as `caller;callee;... count`."""
    found: Calls = {}
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        below = found
        for call in stack.split(";"):
            samples, callees = below.get(call, (0, {}))
            below[call] = (samples + int(count), callees)
            below = callees
    return found


def tree(calls: Calls, *, depth: int = 0, total: int = 0) -> Iterator[str]:
    """Yield a line for each function, the most expensive first, in percent."""
    total = total or sum(samples for samples, _ in calls.values())
    for name, (samples, below) in sorted(calls.items(), key=lambda each: -each[1][0]):
        percent = 100 * samples / total
        if percent >= MIN_PERCENT:
            yield f"{percent:5.1f}  {'  ' * depth}{name}"
            yield from tree(below, depth=depth + 1, total=total)


if __name__ == "__main__":
    main()
