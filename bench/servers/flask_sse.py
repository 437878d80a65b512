"""Flask-SSE under gunicorn's gevent worker: a Redis connection for each stream."""

import json

from bench import machine
from bench.events import Event, body
from bench.processes import ROOT
from bench.servers.peer import Peer


class FlaskSse(Peer):
    """The minimal Flask site in bench/peers/flask_site.py."""

    name = "flask_sse"
    around = len("event:message\ndata:\n\n")
    path = "/stream"
    channel = "sse"
    silent = True

    def command(self) -> list[str]:
        configuration = ROOT / "bench" / "peers" / "flask_gunicorn.py"
        return ["-m", "gunicorn", "-c", str(configuration), "flask_site:application"]

    def workers(self) -> list[int]:
        assert self._process
        return machine.children(self._process.pid)

    def message(self, event: Event) -> str:
        """Return what `sse.publish` publishes."""
        data = body(event.number, around=self.around)
        return json.dumps({"data": data, "type": "message"})
