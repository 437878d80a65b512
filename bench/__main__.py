"""`python -m bench`: runs the scenarios and writes their results."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

settings.configure()

from bench import build, charts, machine, plan, results, tables  # noqa: E402
from bench.output import say  # noqa: E402
from bench.processes import VAR, Failed  # noqa: E402
from bench.scenarios import SCENARIOS, Scenario  # noqa: E402

RESULTS = results.PUBLISHED


def main() -> None:
    """Run the scenarios that the command line names, or all."""
    options = _options()
    signal.signal(signal.SIGTERM, _exit)
    build.build()
    cores = machine.available_cores()
    # The publisher is part of the load, and so are the Redis servers that it starts.
    os.sched_setaffinity(0, {cores.load})
    names = tuple(options.scenario or SCENARIOS)
    sizes = (plan.quick if options.quick else plan.Plan)(cores, names)
    for name in names:
        say(f"{name} ...")
        found = _run(SCENARIOS[name], sizes)
        results.add(options.out, name, found, quick=options.quick)
    finish(options.out)


def _run(scenario: Scenario, sizes: plan.Plan) -> dict[str, Any]:
    """Return the results of a scenario, or the reason why it failed."""
    try:
        return scenario(sizes)
    except Failed as error:
        say(f"  FAILED: {error}")
        return {"rows": [], "goals": [], "missing": {}, "failed": str(error)}


def _exit(*_: object) -> None:
    """Raise SystemExit, so that everything that was started is stopped."""
    sys.exit(1)


def finish(folder: Path) -> None:
    """Draw the charts; write published results into the tables of the documentation."""
    charts.draw_all(results.read(folder), folder)
    if folder == RESULTS:
        tables.write(folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, to test the benchmark itself"
    )
    parser.add_argument("--out", type=Path, help="folder for the results")
    options = parser.parse_args()
    if options.out is None:
        options.out = VAR / "quick" if options.quick else RESULTS
    return options


if __name__ == "__main__":
    main()
