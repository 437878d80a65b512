"""The floor: a C program that only writes prepared frames."""

import subprocess
from collections.abc import Sequence

from bench.events import Event, body
from bench.processes import VAR
from bench.servers.base import Server

FRAME = "id: 1795165498123-0\nevent: new_question\ndata: {}\n\n"


class Floor(Server):
    """The least work that a broadcast can take."""

    name = "floor"
    is_needed = True
    around = len(FRAME.format(""))

    def start(self) -> None:
        self._launch([VAR / "floor", str(self.port)], stdin=subprocess.PIPE)
        self._wait_until_listening()

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
