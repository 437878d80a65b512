"""Writes the results into the marked places of Markdown files.

`<!-- bench:NAME -->...<!-- /bench -->` gets the table with that name. With the name
`SCENARIO/SERVER/FIGURE` it gets one figure; if the server has rows for several numbers
of streams, the name is `SCENARIO/SERVER@STREAMS/FIGURE`.

Run as `python -m bench.tables`.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import million, results
from bench.charts import NAMES
from bench.plots import number
from bench.processes import ROOT

FILES = ("README.md", "docs/performance.md", "bench/README.md")
PLACE = re.compile(r"(<!-- bench:(\S+) -->).*?(<!-- /bench -->)", re.DOTALL)

Row = Mapping[str, Any]
# A heading, and the name of a figure or a function of the row.
Columns = Sequence[tuple[str, str | Callable[[Row], str]]]


def fill(text: str, found: dict[str, Any]) -> str:
    """Return the text with all marked places filled in."""
    return PLACE.sub(lambda m: m[1] + _filling(m[2], found) + m[3], text)


def _filling(name: str, found: dict[str, Any]) -> str:
    if "/" in name:
        return _figure(name, found)
    if name == "machine":
        return f"\n{_machine(found)}\n"
    if name == "goals":
        return f"\n{_goals(found)}\n"
    if name == "million":
        rows = million.rows(found)
        return f"\n{table(rows, MILLION) if rows else 'Not measured yet.'}\n"
    rows = _scenario(name, found).get("rows", [])
    return f"\n{table(rows, TABLES[name])}\n" if rows else "\nNot measured yet.\n"


def _scenario(name: str, found: dict[str, Any]) -> dict[str, Any]:
    return dict(found.get("scenarios", {}).get(name, {}))


def _figure(path: str, found: dict[str, Any]) -> str:
    scenario, which, name = path.split("/")
    server, _, streams = which.partition("@")
    for row in _scenario(scenario, found).get("rows", []):
        if row["server"] == server and streams in ("", str(row["streams"])):
            return number(row[name])
    return "?"


def table(rows: Sequence[Row], columns: Columns) -> str:
    """Return rows as a Markdown table."""
    lines = [[heading for heading, _ in columns], ["---"] * len(columns)]
    lines += [[_cell(row, each) for _, each in columns] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(row: Row, column: str | Callable[[Row], str]) -> str:
    if callable(column):
        return column(row)
    value = row.get(column)
    return "" if value is None else number(value)


def _server(row: Row) -> str:
    server, comma, with_what = str(row["server"]).partition(",")
    name = NAMES.get(server, server) + comma + with_what
    return f"{name} (load busy)" if row.get("client_busy") else name


def _lost(row: Row) -> str:
    sent = row["lost"] + sum(each["deliveries"] for each in row["rounds"])
    return f"{number(100 * row['lost'] / sent)} %" if row["lost"] else "none"


def _bytes(row: Row) -> str:
    return f"{row['bytes']:,.0f}"


def _goals(found: dict[str, Any]) -> str:
    rows = [
        {"scenario": scenario, **each}
        for scenario, one in found.get("scenarios", {}).items()
        for each in one["goals"]
    ]
    return table(rows, GOALS) if rows else "Not measured yet."


def _machine(found: dict[str, Any]) -> str:
    if not found:
        return "Not measured yet."
    machine = found["machine"]
    versions = ", ".join(f"{name} {each}" for name, each in found["versions"].items())
    latest = max(found["scenarios"].values(), key=lambda each: each["date"])
    return _absent(found) + (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}, Linux {machine['kernel']}; {versions}. "
        f"Commit {latest['commit']}, {latest['date'][:10]}."
    )


def _absent(found: dict[str, Any]) -> str:
    """Return a paragraph on missing servers and failed scenarios, or nothing."""
    scenarios = found["scenarios"].items()
    absent = {name for _, one in scenarios for name in one["missing"]}
    lines = [f"{NAMES[name]} was not installed." for name in sorted(absent)]
    lines += [f"{n}: {one['failed']}." for n, one in scenarios if "failed" in one]
    return " ".join([*lines, "\n\n"]) if lines else ""


MILLION: Columns = [
    ("resource", lambda row: str(row["what"])),
    ("for a million streams", "value"),
    ("based on", lambda row: str(row["why"])),
]
GOALS: Columns = [
    ("scenario", lambda row: str(row["scenario"])),
    ("measurement", lambda row: str(row["goal"])),
    ("goal", lambda row: f"{row['sign']} {number(row['limit'])}"),
    ("result", "value"),
    ("", lambda row: "met" if row["met"] else "**missed**"),
]
TABLES: dict[str, Columns] = {
    "broadcast": [
        ("streams", "streams"),
        ("server", _server),
        ("CPU per delivery, µs", "cpu_us"),
        ("relative to floor", "by_floor"),
        ("p50, ms", "p50_ms"),
        ("p99, ms", "p99_ms"),
        ("deliveries per second", "deliveries_s"),
        ("lost", _lost),
    ],
    "burst": [
        ("server", _server),
        ("deliveries per second", "deliveries_s"),
        ("CPU per delivery, µs", "cpu_us"),
        ("p50, ms", "p50_ms"),
        ("p99, ms", "p99_ms"),
        ("lost", _lost),
    ],
    "routing": [
        ("events", lambda row: str(row["server"])),
        ("CPU per delivery, µs", "cpu_us"),
        ("p50, ms", "p50_ms"),
        ("p99, ms", "p99_ms"),
        ("deliveries per second", "deliveries_s"),
        ("lost", _lost),
    ],
    "idle": [
        ("server", _server),
        ("streams", "streams"),
        ("memory per stream, bytes", _bytes),
        ("CPU, % of a core", "cpu_percent"),
        ("CPU per connect, µs", "connect_us"),
    ],
    "presence": [
        ("server", _server),
        ("streams", "streams"),
        ("CPU a stream a second, µs", "workers_us"),
        ("with that of Redis, µs", "all_us"),
        ("CPU per connect, µs", "connect_us"),
    ],
    "storm": [
        ("server", _server),
        ("all reconnected, s", "seconds"),
        ("CPU per connect, µs", "connect_us"),
        ("page before, p50 / p99, ms", lambda row: _pair(row, "calm_page")),
        ("page during, p50 / p99, ms", lambda row: _pair(row, "page")),
        ("wrong streams", "wrong_streams"),
    ],
    "site": [
        ("followers connected", "streams"),
        ("form post, p50 / p99, ms", lambda row: _pair(row, "post")),
        (
            "commit to last browser",
            lambda row: _pair(row, "commit_to_last"),
        ),
        (
            "request to last browser",
            lambda row: _pair(row, "post_to_last"),
        ),
        ("posts", "posts"),
    ],
    "scale-out": [
        ("processes", "processes"),
        ("streams", "streams"),
        ("fewest / most per process", lambda row: _range(row)),
        ("memory per stream, bytes", _bytes),
        ("CPU per delivery, µs", "cpu_us"),
        ("p99, ms", "p99_ms"),
        ("Redis clients", "redis_clients"),
        ("held: CPU per delivery, µs", "held_cpu_us"),
        ("held: p99, ms", "held_p99_ms"),
        ("held: bytes more per stream", "held_grown_bytes"),
        ("held: lost", "held_lost"),
    ],
    "database": [
        ("database", lambda row: str(row["server"])),
        ("what a person does", lambda row: str(row["operation"])),
        ("events", "events"),
        (
            "p50 / p99, ms",
            lambda row: f"{number(row['median_ms'])} / {number(row['p99_ms'])}",
        ),
        ("queries", "queries"),
        ("rows read", "rows_read"),
        ("slowest for who follows", lambda row: str(row["profile"])),
    ],
}


def _pair(row: Row, name: str) -> str:
    if f"{name}_p50_ms" not in row:
        return ""
    return f"{number(row[f'{name}_p50_ms'])} / {number(row[f'{name}_p99_ms'])}"


def _range(row: Row) -> str:
    return f"{row['fewest_in_one']:,} / {row['most_in_one']:,}"


def write(folder: Path, files: Sequence[str] = FILES) -> None:
    """Fill in every file that exists."""
    found = results.read(folder)
    for path in filter(Path.exists, (ROOT / name for name in files)):
        path.write_text(fill(path.read_text(), found))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "bench" / "results")
