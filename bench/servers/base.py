"""The interface of the servers: start, publish, list the processes, stop."""

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
    # The bytes of a frame besides the JSON.
    around = 0
    # Whether it sends nothing, not even headers, before the first event.
    silent = False
    # Whether the scenario fails without it.
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
        """Start, and return once the server listens; raises Missing or Failed."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop everything that was started; idempotent."""
        processes.stop(self._process)
        self._process = None

    def publish(self, events: Sequence[Event]) -> None:
        """Publish events in order, at maximum speed."""
        raise NotImplementedError

    def lines(self, count: int) -> list[str]:
        """Return the lines of the load client for `count` streams."""
        return [self.path] * count

    def load(self, count: int, *, key: str = "n") -> Load:
        """Return a load client for `count` streams, none of which is open yet.

        `key` is the JSON field with the number of an event.
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
        """Return the ids of all processes on the server's core."""
        assert self._process
        return [self._process.pid, *machine.children(self._process.pid)]

    def _launch(self, command: Sequence[str | Path], **options: Any) -> None:
        self.log.unlink(missing_ok=True)
        self._process = processes.start(
            command, core=self.cores.server, log=self.log, **options
        )

    def _wait_until_listening(self) -> None:
        processes.wait_for(self._listens, what=f"{self.label} to listen", seconds=30)

    def _listens(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise processes.Failed(
                f"{self.label} exited: {self.log.read_text()[-500:]}"
            )
        return processes.listens(self.port)
