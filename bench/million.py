"""What a million streams would take, reckoned from what was measured."""

from collections.abc import Mapping
from typing import Any

from bench.plots import number

STREAMS = 1_000_000
# MAX_STREAMS, and of an entry of the log about what XREAD sends.
STREAMS_A_PROCESS = 20_000
ENTRY_BYTES = 450
EVENTS_A_SECOND = 200

Row = Mapping[str, Any]


def rows(found: Mapping[str, Any]) -> list[Row]:
    """Return what it would take, and from which figures that follows; or nothing."""
    idle = _row(found, "idle", "ours")
    broadcast = _row(found, "broadcast", "ours", streams=10_000)
    if idle is None or broadcast is None:
        return []
    processes = STREAMS / STREAMS_A_PROCESS
    gigabytes = idle["bytes"] * STREAMS / 1e9
    cores = idle["cpu_percent"] / 100 * STREAMS / idle["streams"]
    delivery = broadcast["cpu_us"]
    reads = processes * EVENTS_A_SECOND
    return [
        _line("processes", processes, f"{STREAMS_A_PROCESS:,} streams each"),
        _line(
            "memory of the processes, GB",
            gigabytes,
            f"{number(idle['bytes'])} bytes a stream",
        ),
        _line(
            "cores for heartbeats",
            cores,
            f"{number(idle['cpu_percent'])} % of one for {idle['streams']:,}",
        ),
        _line(
            "core seconds for one event to all of them",
            delivery * STREAMS / 1e6,
            f"{number(delivery)} µs a delivery",
        ),
        _line(
            "ms until the last of a process has it",
            delivery * STREAMS_A_PROCESS / 1e3,
            "with a core for each process",
        ),
        _line(
            f"reads of Redis a second at {EVENTS_A_SECOND} events a second",
            reads,
            "one a process and event, at most",
        ),
        _line(
            "MB a second from Redis then",
            reads * ENTRY_BYTES / 1e6,
            f"{ENTRY_BYTES} bytes an entry",
        ),
    ]


def _line(what: str, value: float, why: str) -> Row:
    return {"what": what, "value": value, "why": why}


def _row(
    found: Mapping[str, Any], scenario: str, server: str, *, streams: int = 0
) -> Row | None:
    for row in found.get("scenarios", {}).get(scenario, {}).get("rows", []):
        if row["server"] == server and streams in (0, row["streams"]):
            return dict(row)
    return None
