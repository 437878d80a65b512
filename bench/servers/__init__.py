"""The servers that are measured, each by the same few methods."""

from bench.servers.base import Server
from bench.servers.eventstream import EventStream
from bench.servers.flask_sse import FlaskSse
from bench.servers.floor import Floor
from bench.servers.nchan import Nchan
from bench.servers.ours import Ours

# Those in Python, which cannot bear what the others do.
PEERS = ("eventstream", "flask_sse")

__all__ = ["PEERS", "EventStream", "FlaskSse", "Floor", "Nchan", "Ours", "Server"]
