"""What every server can do: start, publish, say what it costs, stop."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from bench import machine, processes
from bench.events import Event
from bench.load import Load
from bench.machine import Cores
from bench.processes import VAR


class Server:
    """A server on a core of its own, in a folder of its own."""

    name = ""
    # How many bytes a frame has beside the JSON.
    around = 0
    # Whether it says nothing, not even a head, until there is an event.
    silent = False
    # Whether there is nothing to compare without it.
    is_needed = False
    path = "/"

    def __init__(self, cores: Cores, *, label: str = "") -> None:
        self.cores = cores
        self.label = label or self.name
        self.port = processes.free_port()
        self.folder = VAR / "run" / self.label
        self.log = self.folder / "log"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and return once it answers; raises Missing and Failed."""
        raise NotImplementedError

    def stop(self) -> None:
        """End all that was started; idempotent."""
        processes.stop(self._process)
        self._process = None

    def publish(self, events: Sequence[Event]) -> None:
        """Publish events in their order, as fast as can be."""
        raise NotImplementedError

    def lines(self, count: int) -> list[str]:
        """Return what the load client has to ask for by so many streams."""
        return [self.path] * count

    def load(self, count: int, *, key: str = "n") -> Load:
        """Return a load client of so many streams, none of which is open yet.

        `key` names the number in an event's JSON.
        """
        return Load(
            self.port,
            self.lines(count),
            core=self.cores.load,
            name=self.label,
            key=key,
            silent=self.silent,
        )

    def workers(self) -> list[int]:
        """Return the ids of the processes that serve streams."""
        assert self._process
        return [self._process.pid]

    def processes(self) -> list[int]:
        """Return the ids of all its processes on the server's core."""
        assert self._process
        return [self._process.pid, *machine.children(self._process.pid)]

    def _launch(self, command: Sequence[str | Path], **options: Any) -> None:
        self.log.unlink(missing_ok=True)
        self._process = processes.start(
            command, core=self.cores.server, log=self.log, **options
        )

    def _wait_until_it_listens(self) -> None:
        processes.wait_for(self._listens, what=f"{self.label} to listen", seconds=30)

    def _listens(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise processes.Failed(f"{self.label} ended: {self.log.read_text()[-500:]}")
        return processes.listens(self.port)
