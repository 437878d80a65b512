"""The load: one or more C clients that hold the streams of one server."""

import json
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import processes
from bench.events import Checksum
from bench.histogram import Histogram
from bench.processes import VAR, wait_for

# Below a limit of 20,000 open files per process.
STREAMS_PER_CLIENT = 19_000
IN_FLIGHT = 500


@dataclass(frozen=True, slots=True)
class Stream:
    """What the client counted for one stream."""

    received: Checksum
    violations: int
    resets: int
    connects: int


@dataclass(frozen=True, slots=True)
class Report:
    """What the clients of a load counted since the last reset."""

    counts: dict[str, int]
    latency: Histogram
    reconnect: Histogram
    # The share of a core that the busiest client used.
    cpu_share: float

    def __getitem__(self, name: str) -> int:
        return self.counts[name]


class Load:
    """Holds streams of one server; each line has path, cookies and Last-Event-ID.

    `key` is the JSON field with the number of an event. A `silent` server sends no
    headers before the first event.
    """

    def __init__(
        self,
        port: int,
        lines: list[str],
        *,
        core: int,
        name: str,
        key: str = "n",
        silent: bool = False,
    ) -> None:
        self.size = len(lines)
        self.opened = 0
        self._folder = VAR / "clients"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._name = name
        options = ["-p", str(port), "-n", f'"{key}":', *(["-q"] if silent else [])]
        count = max(1, math.ceil(self.size / STREAMS_PER_CLIENT))
        self._shares = [lines[each::count] for each in range(count)]
        self._clients = [
            self._start(number, share, options, core)
            for number, share in enumerate(self._shares)
        ]

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *exception: object) -> None:
        for client in self._clients:
            processes.stop(client)
            for pipe in (client.stdin, client.stdout):
                if pipe:
                    pipe.close()

    def _start(
        self, number: int, lines: list[str], options: list[str], core: int
    ) -> subprocess.Popen[str]:
        spec = self._file(number, "streams")
        spec.write_text("".join(f"{line}\n" for line in lines))
        return processes.start(
            [VAR / "load", *options, spec],
            core=core,
            log=self._file(number, "log"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _file(self, number: int, kind: str) -> Path:
        return self._folder / f"{self._name}-{number}.{kind}"

    def _send(self, *commands: str) -> list[Any]:
        """Send each client its command, or all the same one; return the replies."""
        each = commands if len(commands) > 1 else commands * len(self._clients)
        for client, command in zip(self._clients, each, strict=True):
            assert client.stdin
            client.stdin.write(command + "\n")
            client.stdin.flush()
        return [self._reply(client) for client in self._clients]

    def _reply(self, client: subprocess.Popen[str]) -> Any:
        assert client.stdout
        line = client.stdout.readline()
        if not line:
            raise processes.Failed(f"the load client of {self._name} ended")
        return json.loads(line)

    def open(self, count: int, *, in_flight: int = IN_FLIGHT) -> None:
        """Open `count` more streams, at most `in_flight` at a time; return at once."""
        clients = len(self._clients)
        new = self.opened + count
        wanted = [len(range(each, new, clients)) for each in range(clients)]
        had = [len(range(each, self.opened, clients)) for each in range(clients)]
        limit = max(1, in_flight // clients)
        commands = [f"open {w - h} {limit}" for w, h in zip(wanted, had, strict=True)]
        self.opened = new
        self._send(*commands)

    def status(self) -> dict[str, int]:
        """Return the numbers of streams that are `connected`, `ready` and so on."""
        return _sum(self._send("status"))

    def wait_until(self, what: str, count: int | None = None) -> None:
        """Wait until `count` streams or all are `connected`, `ready` or `caught_up`."""
        wanted = self.opened if count is None else count
        wait_for(
            lambda: self.status()[what] >= wanted,
            what=f"{wanted} streams of {self._name} to be {what}: {self.status()}",
            poll=0.05,
        )

    def cut(self) -> None:
        """Close all streams at once."""
        self._send("cut")

    def reconnect(self, number: int, *, in_flight: int = IN_FLIGHT) -> None:
        """Reopen all streams; each is caught up once it has the event `number`."""
        self._send(f"reconnect {max(1, in_flight // len(self._clients))} {number}")

    def reset(self) -> None:
        """Set all counters to zero."""
        self._send("reset")

    def report(self) -> Report:
        """Return what was counted since the last reset."""
        replies = self._send("report")
        latency, reconnect = Histogram(), Histogram()
        for reply in replies:
            latency.add(reply.pop("latency"))
            reconnect.add(reply.pop("reconnect"))
        share = max(each["cpu_ns"] / each["wall_ns"] for each in replies)
        return Report(_sum(replies), latency, reconnect, share)

    def streams(self) -> list[Stream]:
        """Return what each stream has received, in the order of the lines."""
        clients = len(self._clients)
        paths = [self._file(each, "dump") for each in range(clients)]
        self._send(*(f"dump {path}" for path in paths))
        found = [Stream(Checksum(), 0, 0, 0)] * self.opened
        for number, path in enumerate(paths):
            found[number::clients] = map(_stream, path.read_text().splitlines())
        return found

    def arrivals(self, numbers: range) -> dict[int, tuple[int, int]]:
        """Return for each event how often it arrived, and when last (ns)."""
        found: dict[int, tuple[int, int]] = {}
        for reply in self._send(f"arrivals {numbers.start} {numbers.stop}"):
            for number, times, last in reply:
                before = found.get(number, (0, 0))
                found[number] = (before[0] + times, max(before[1], last))
        return found


def _stream(row: str) -> Stream:
    fields = row.split("\t")
    count, total, violations, resets, connects = map(int, fields[1:6])
    return Stream(Checksum(count, total), violations, resets, connects)


# Timestamps; all other fields are counts.
_FIRST = ("first_event", "reopened")
_LAST = ("last_event", "last_ready", "last_caught_up", "wall_ns")


def _sum(replies: list[dict[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in replies[0]:
        values = [reply[name] for reply in replies]
        if name in _FIRST:
            found[name] = min(filter(None, values), default=0)
        else:
            found[name] = max(values) if name in _LAST else sum(values)
    return found
