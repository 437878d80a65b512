"""The servers that are measured, with one interface."""

from bench.servers.base import Server
from bench.servers.eventstream import EventStream
from bench.servers.flask_sse import FlaskSse
from bench.servers.floor import Floor
from bench.servers.nchan import Nchan
from bench.servers.ours import Ours

# The servers in Python, which cannot handle the load of the others.
PEERS = ("eventstream", "flask_sse")

__all__ = ["PEERS", "EventStream", "FlaskSse", "Floor", "Nchan", "Ours", "Server"]
