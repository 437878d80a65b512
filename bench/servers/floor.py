"""The floor: a C program that does nothing but write prepared frames."""

import subprocess
from collections.abc import Sequence

from bench.events import Event, body
from bench.processes import VAR
from bench.servers.base import Server

FRAME = "id: 1795165498123-0\nevent: new_question\ndata: {}\n\n"


class Floor(Server):
    """Our frames, written by the least program that can."""

    name = "floor"
    is_needed = True
    around = len(FRAME.format(""))

    def start(self) -> None:
        self._launch([VAR / "floor", str(self.port)], stdin=subprocess.PIPE)
        self._wait_until_it_listens()

    def stop(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()
        super().stop()

    def publish(self, events: Sequence[Event]) -> None:
        assert self._process
        assert self._process.stdin
        for event in events:
            frame = FRAME.format(body(event.number, around=self.around))
            self._process.stdin.write(frame)
        self._process.stdin.flush()
