"""`python -m bench`: runs scenarios, and writes what they measured."""

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
    """Run what the command line asks for."""
    options = _options()
    signal.signal(signal.SIGTERM, _end)
    build.build()
    cores = machine.cores_at_hand()
    # The runner publishes, and what it starts without a core of its own is load, too.
    os.sched_setaffinity(0, {cores.load})
    names = tuple(options.scenario or SCENARIOS)
    chosen = (plan.quick if options.quick else plan.Plan)(cores, names)
    for name in names:
        say(f"{name} ...")
        found = _run(SCENARIOS[name], chosen)
        results.add(options.out, name, found, quick=options.quick)
    finish(options.out)


def _run(scenario: Scenario, chosen: plan.Plan) -> dict[str, Any]:
    """Return what a scenario found, or why it could not be run to its end."""
    try:
        return scenario(chosen)
    except Failed as why:
        say(f"  FAILED: {why}")
        return {"rows": [], "goals": [], "missing": {}, "failed": str(why)}


def _end(*_: object) -> None:
    """End as by an exception, so that all that was started is stopped."""
    sys.exit(1)


def finish(folder: Path) -> None:
    """Draw the results, and write those of the repository into its pages."""
    charts.draw_all(results.read(folder), folder)
    if folder == RESULTS:
        tables.write(folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument(
        "--quick", action="store_true", help="small numbers, to try the bench itself"
    )
    parser.add_argument("--out", type=Path, help="the folder for the results")
    options = parser.parse_args()
    if options.out is None:
        options.out = VAR / "quick" if options.quick else RESULTS
    return options


if __name__ == "__main__":
    main()
