"""`python -m bench.profiling`: where our worker's time goes, by py-spy.

Writes `profile-NAME.txt` beside the results: each call that has two percent or more of
the samples, with all that it calls indented below it.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

settings.configure()

from bench import build, machine, plan, results  # noqa: E402
from bench.column import Column  # noqa: E402
from bench.output import say  # noqa: E402
from bench.processes import VAR  # noqa: E402
from bench.scenarios.common import columns  # noqa: E402
from bench.servers import Ours  # noqa: E402

SPY = VAR / "envs" / "py_spy" / "bin" / "py-spy"
SAMPLES_A_SECOND = 250
LEAST_PERCENT = 2.0
BROADCAST_STREAMS, STORM_STREAMS, STORM_MISSED = 1_000, 3_000, 100
SECONDS = 5.0

# A call: how many samples it has, and what it called.
Calls = dict[str, tuple[int, "Calls"]]


def main() -> None:
    """Profile a broadcast and a storm."""
    build.build()
    cores = machine.cores_at_hand()
    os.sched_setaffinity(0, {cores.load})
    chosen = plan.Plan(cores, scenarios=("broadcast", "storm"))
    profile(chosen, "broadcast", BROADCAST_STREAMS, _broadcast)
    profile(chosen, "storm", STORM_STREAMS, _storm)


def profile(
    chosen: plan.Plan, name: str, streams: int, measure: Callable[[Column], None]
) -> None:
    """Write where the time of one scenario goes."""
    say(f"profile of {name} ...")
    raw = VAR / f"profile-{name}.raw"
    people = chosen.usual_people()
    with columns([Ours(chosen.cores, people)], streams) as found:
        column = found["ours"]
        column.open(streams)
        # What is done once only is done before.
        measure(column)
        with _spying(column.server.workers()[0], raw):
            measure(column)
    text = "\n".join(tree(_calls(raw.read_text())))
    (results.PUBLISHED / f"profile-{name}.txt").write_text(f"{text}\n")


def _broadcast(column: Column) -> None:
    column.steadily(rate=50_000 / BROADCAST_STREAMS, seconds=SECONDS)


def _storm(column: Column) -> None:
    events = column.cut_and_publish(STORM_MISSED)
    column.come_back(events, in_flight=1_000)


@contextmanager
def _spying(pid: int, raw: Path) -> Iterator[None]:
    command: list[str | Path] = [
        SPY,
        "record",
        "--pid",
        str(pid),
        "--rate",
        str(SAMPLES_A_SECOND),
    ]
    command += ["--format", "raw", "--function", "--output", raw]
    # Until it is interrupted, upon which it writes what it has.
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as spy:
        try:
            yield
        finally:
            spy.send_signal(signal.SIGINT)


def _calls(raw: str) -> Calls:
    """Return the calls of stacks that are written as `caller;called;... count`."""
    found: Calls = {}
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        below = found
        for call in stack.split(";"):
            samples, further = below.get(call, (0, {}))
            below[call] = (samples + int(count), further)
            below = further
    return found


def tree(calls: Calls, *, depth: int = 0, total: int = 0) -> Iterator[str]:
    """Yield a line for each call, the dearest first, with its share in percent."""
    total = total or sum(samples for samples, _ in calls.values())
    for name, (samples, below) in sorted(calls.items(), key=lambda each: -each[1][0]):
        percent = 100 * samples / total
        if percent >= LEAST_PERCENT:
            yield f"{percent:5.1f}  {'  ' * depth}{name}"
            yield from tree(below, depth=depth + 1, total=total)


if __name__ == "__main__":
    main()
