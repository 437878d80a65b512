"""Producers: iterators of a site, run in a thread, whose events go to connections.

Live only, and of one process: nothing here goes through Redis or the database.
"""

import logging
import threading
from collections.abc import Callable, Iterable

from notifications.lib.log_throttle import RateLimitFilter
from notifications.live.audience import Audience
from notifications.live.connection import Connection, State
from notifications.protocol.frames import Batch, without_cursor
from notifications.protocol.server_event import Item, encode_item

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How often a client that is too far behind is tried again.
BEHIND_SECONDS = 0.05

Make = Callable[[], Iterable[Item]]


class Producer:
    """Runs what `make` returns while it has connections, and pushes each event to all.

    It starts with the first connection. When the iterator ends, so do the connections;
    when they are all gone, the iterator is closed after its next event. The next
    connection starts another one. Clients that are too far behind are disconnected,
    unless it `waits_for_clients`: then the iterator goes on when they have caught up.
    Safe to share between threads.
    """

    def __init__(self, make: Make, *, waits_for_clients: bool = False) -> None:
        self._make = make
        self._waits_for_clients = waits_for_clients
        self._audience = Audience(self._serve, thread_name="notifications-producer")

    def attach(self, connection: Connection) -> None:
        """Push events to a connection from now on."""
        connection.is_waited_for = self._waits_for_clients
        self._audience.attach(connection)

    def detach(self, connection: Connection) -> None:
        """Stop pushing to a connection; idempotent."""
        self._audience.detach(connection)

    def _serve(self) -> str:
        try:
            self._produce()
        # The site's iterator may raise anything.
        except Exception:
            logger.exception("producer=failed")
            return "failed"
        return "finished"

    def _produce(self) -> None:
        events = iter(self._make())
        try:
            for item in events:
                batch = Batch([without_cursor(encode_item(item))])
                if self._audience.finish_if_empty():
                    return
                for connection in self._audience.connections():
                    self._send(connection, batch)
        finally:
            # Only generators have it.
            getattr(events, "close", _nothing)()

    def _send(self, connection: Connection, batch: Batch) -> None:
        if not self._waits_for_clients:
            connection.send(batch)
            return
        while connection.state is State.OPEN and not connection.transport.push(batch):
            threading.Event().wait(BEHIND_SECONDS)


def _nothing() -> None:
    """Close nothing."""
