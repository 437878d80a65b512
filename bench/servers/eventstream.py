"""django-eventstream under uvicorn, in one process, with Redis."""

import json

from bench.events import Event, body
from bench.processes import ROOT
from bench.servers.peer import Peer


class EventStream(Peer):
    """The minimal Django site in bench/peers/eventstream_site.py."""

    name = "eventstream"
    around = len("event: message\ndata: \n\n")
    path = "/events/?channel=bench"
    channel = "events_channel"

    def command(self) -> list[str]:
        return [
            "-m", "uvicorn", "eventstream_site:application",
            "--app-dir", str(ROOT / "bench" / "peers"),
            "--port", str(self.port), "--backlog", "4096",
            "--no-access-log", "--log-level", "warning",
        ]  # fmt: skip

    def message(self, event: Event) -> str:
        """Return what `send_event` publishes to Redis."""
        return json.dumps(
            {
                "channel": "bench",
                "event_type": "message",
                "data": body(event.number, around=self.around),
                "pub_id": None,
            }
        )
