"""The machine: its cores, and the CPU time and memory of processes."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cores:
    """The core for the server, and the core for everything else."""

    server: int = 0
    load: int = 1


def available_cores() -> Cores:
    """Return two cores that this process may use; the same one twice if need be."""
    found = sorted(os.sched_getaffinity(0))
    return Cores(server=found[0], load=found[1] if len(found) > 1 else found[0])


def cpu_ns(pid: int) -> int:
    """Return the CPU time of all threads of a process: clock_getcpuclockid(3)."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def total_cpu_ns(pids: Iterable[int]) -> int:
    """Return the sum of the CPU times of several processes."""
    return sum(map(cpu_ns, pids))


def pss_bytes(pid: int) -> int:
    """Return the proportional set size of a process, in bytes: proc(5)."""
    return _rollup(pid, "Pss:")


def _rollup(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {field} in the memory of process {pid}")


def children(pid: int) -> list[int]:
    """Return the ids of a process's children."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in text.split()]


def sockets(pid: int) -> int:
    """Return the number of open sockets of a process."""
    count = 0
    for each in os.scandir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(each.path).startswith("socket:")
        except FileNotFoundError:
            continue
    return count
