"""The file with the results, the machine and the versions."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import versions
from bench.output import say
from bench.processes import ROOT
from bench.summary import BUSY_CLIENT

FILE = "latest.json"
PUBLISHED = ROOT / "bench" / "results"


def add(folder: Path, name: str, found: dict[str, Any], *, quick: bool) -> None:
    """Write the results of a scenario, replacing its earlier ones."""
    folder.mkdir(parents=True, exist_ok=True)
    results = read(folder)
    for row in found["rows"]:
        row["client_busy"] = row.get("client_cpu", 0) > BUSY_CLIENT
    results["machine"] = versions.machine()
    results["versions"] = versions.versions()
    results["quick"] = quick
    results.setdefault("scenarios", {})[name] = {
        "commit": versions.commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **found,
    }
    text = json.dumps(results, indent=1)
    (folder / FILE).write_text(text + "\n")
    for each in found["goals"]:
        verdict = "met" if each["met"] else "MISSED"
        say(f"  {verdict}: {each['goal']}: {each['value']} (goal {each['limit']})")


def read(folder: Path) -> dict[str, Any]:
    """Return the results in a folder; empty without a file."""
    path = folder / FILE
    return dict(json.loads(path.read_text())) if path.exists() else {}
