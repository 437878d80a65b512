"""The charts: which results they draw, and their labels."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.plots import Bar, Group, draw, number

Row = dict[str, Any]
Results = dict[str, Any]

NAMES = {
    "ours": "this project",
    "floor": "C floor",
    "nchan": "Nchan",
    "eventstream": "django-eventstream",
    "flask_sse": "Flask-SSE",
}


def draw_all(results: Results, folder: Path) -> None:
    """Write an SVG for each chart whose scenario has run."""
    for name, (scenario, chart) in CHARTS.items():
        if rows := _rows(results, scenario):
            (folder / f"{name}.svg").write_text(chart(rows))


def _rows(results: Results, scenario: str) -> list[Row]:
    found = results["scenarios"].get(scenario, {"rows": []})
    return [row for row in found["rows"] if _drawn(row)]


def _drawn(row: Row) -> bool:
    return row["server"] in NAMES


def _bar(row: Row, value: float, note: str = "") -> Bar:
    return Bar(row["server"], NAMES[row["server"]], value, note)


def _delivery(rows: list[Row]) -> str:
    streams = sorted({row["streams"] for row in rows})
    groups = [
        Group(
            f"{count:,} streams",
            [_bar(row, row["cpu_us"], "µs") for row in _with(rows, count)],
        )
        for count in streams
    ]
    return draw(
        "CPU per delivery", "microseconds on the server's core, lower is better", groups
    )


def _with(rows: Iterable[Row], streams: int) -> list[Row]:
    return [row for row in rows if row["streams"] == streams]


def _memory(rows: list[Row]) -> str:
    bars = [_bar(row, row["bytes"] / 1024, f"KB at {row['streams']:,}") for row in rows]
    return draw(
        "Memory per stream",
        "PSS of the server's processes, without kernel memory; lower is better",
        [Group("", bars)],
    )


def _burst(rows: list[Row]) -> str:
    bars = [_bar(row, row["deliveries_s"], _lost(row)) for row in rows]
    subtitle = f"{rows[0]['events']:,} events at once to {rows[0]['streams']:,} streams"
    return draw(
        "Deliveries per second in a burst",
        f"{subtitle}; higher is better",
        [Group("", bars)],
    )


def _lost(row: Row) -> str:
    share = row["lost"] / (row["lost"] + sum(e["deliveries"] for e in row["rounds"]))
    return f"per second, {number(share * 100)} % lost" if row["lost"] else "per second"


def _reconnecting(rows: list[Row]) -> str:
    bars = [_bar(row, row["connect_us"], f"µs, {_time(row)}") for row in rows]
    subtitle = (
        f"µs of CPU for each of {rows[0]['streams']:,} streams after a cut, with "
        f"{rows[0]['missed']} missed events"
    )
    return draw("Reconnect storm", f"{subtitle}; lower is better", [Group("", bars)])


def _time(row: Row) -> str:
    return f"all within {number(row['seconds'])} s"


CHARTS: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "cpu-per-delivery": ("broadcast", _delivery),
    "memory-per-stream": ("idle", _memory),
    "burst": ("burst", _burst),
    "reconnecting": ("storm", _reconnecting),
}
