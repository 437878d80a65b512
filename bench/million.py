"""Estimates what a million streams would need, from the measurements."""

from collections.abc import Mapping
from typing import Any

from bench.plots import number

STREAMS = 1_000_000
# The default of MAX_STREAMS.
STREAMS_PER_PROCESS = 20_000
# The approximate size of an entry in a reply to XREAD.
ENTRY_BYTES = 450
EVENTS_PER_SECOND = 200

Row = Mapping[str, Any]


def rows(found: Mapping[str, Any]) -> list[Row]:
    """Return the estimates with their reasons; empty without the measurements."""
    idle = _row(found, "idle", "ours")
    broadcast = _row(found, "broadcast", "ours", streams=10_000)
    if idle is None or broadcast is None:
        return []
    processes = STREAMS / STREAMS_PER_PROCESS
    gigabytes = idle["bytes"] * STREAMS / 1e9
    cores = idle["cpu_percent"] / 100 * STREAMS / idle["streams"]
    delivery = broadcast["cpu_us"]
    reads = processes * EVENTS_PER_SECOND
    return [
        _line("processes", processes, f"{STREAMS_PER_PROCESS:,} streams each"),
        _line(
            "memory of the processes, GB",
            gigabytes,
            f"{number(idle['bytes'])} bytes per stream",
        ),
        _line(
            "cores for heartbeats",
            cores,
            f"{number(idle['cpu_percent'])} % of one for {idle['streams']:,}",
        ),
        _line(
            "core seconds for one event to all of them",
            delivery * STREAMS / 1e6,
            f"{number(delivery)} µs per delivery",
        ),
        _line(
            "ms until the last stream of a process has it",
            delivery * STREAMS_PER_PROCESS / 1e3,
            "with a core for each process",
        ),
        _line(
            f"reads from Redis per second at {EVENTS_PER_SECOND} events per second",
            reads,
            "at most one per process and event",
        ),
        _line(
            "MB per second from Redis at that rate",
            reads * ENTRY_BYTES / 1e6,
            f"{ENTRY_BYTES} bytes per entry",
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
