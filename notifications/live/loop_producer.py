"""Producers of an event loop: async iterators of a site, each run by one task.

Live only, and of one process, as in `producer.py`. Nothing here may block.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextvars import Context
from typing import Any

from notifications.lib.log_throttle import RateLimitFilter
from notifications.lib.loop_calls import LoopCalls
from notifications.live.connection import Connection, State
from notifications.live.producer import BEHIND_SECONDS
from notifications.protocol.frames import Batch, without_cursor
from notifications.protocol.server_event import Item, encode_item

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# After so many pushes, others in the loop have their turn.
PUSHES_AT_ONCE = 500

Make = Callable[[], AsyncIterable[Item]]


class LoopProducer:
    """Runs what `make` returns while it has connections, and pushes each event to all.

    As Producer, but in an event loop, and the iterator ends as soon as its connections
    are gone: it is cancelled where it awaits something. Safe to share between threads.
    """

    def __init__(self, make: Make, *, waits_for_clients: bool = False) -> None:
        self._make = make
        self._waits_for_clients = waits_for_clients
        # Guards what follows. Re-entrant, since a stream that nobody closed is detached
        # wherever Python collects it.
        self._lock = threading.RLock()
        self._connections: set[Connection] = set()
        self._task: asyncio.Task[None] | None = None
        # Those of the loop in which the task runs.
        self._calls: LoopCalls | None = None

    def attach(self, connection: Connection) -> None:
        """Push events to a connection from now on, once it runs."""
        connection.is_waited_for = self._waits_for_clients
        with self._lock:
            self._connections.add(connection)

    def ensure_running(self) -> None:
        """Run the iterator in this event loop, unless it runs already."""
        with self._lock:
            if self._task is not None or not self._connections:
                return
            self._calls = LoopCalls.of_running_loop()
            # Without the context of the first request, which ends before the others.
            self._task = asyncio.get_running_loop().create_task(
                self._run(), name="notifications-producer", context=Context()
            )

    def detach(self, connection: Connection) -> None:
        """Stop pushing to a connection; idempotent."""
        connection.close("detached")
        with self._lock:
            self._connections.discard(connection)
            if self._connections or self._task is None or self._calls is None:
                return
            # The next connection has another task.
            task, self._task = self._task, None
            self._calls.call(task.cancel)

    async def _run(self) -> None:
        reason = "failed"
        try:
            await self._produce()
            reason = "finished"
        # The site's iterator may raise anything.
        except Exception:
            logger.exception("producer=failed")
        finally:
            self._end(reason)

    async def _produce(self) -> None:
        events = aiter(self._make())
        try:
            async for item in events:
                batch = Batch([without_cursor(encode_item(item))])
                await self._push(batch)
        finally:
            await close(events)

    async def _push(self, batch: Batch) -> None:
        with self._lock:
            connections = [*self._connections]
        for number, connection in enumerate(connections, start=1):
            await self._send(connection, batch)
            if number % PUSHES_AT_ONCE == 0:
                await asyncio.sleep(0)
        # An iterator that awaits nothing must not keep the loop for itself.
        await asyncio.sleep(0)

    async def _send(self, connection: Connection, batch: Batch) -> None:
        if not self._waits_for_clients:
            connection.send(batch)
            return
        while connection.state is State.OPEN and not connection.transport.push(batch):
            await asyncio.sleep(BEHIND_SECONDS)

    def _end(self, reason: str) -> None:
        with self._lock:
            # Later connections have a task of their own.
            if self._task is not asyncio.current_task():
                return
            self._task = None
            connections, self._connections = self._connections, set()
        for connection in connections:
            connection.close(reason, drain=True)


async def close(events: AsyncIterator[Any]) -> None:
    """Close an async iterator; only generators can be closed."""
    if aclose := getattr(events, "aclose", None):
        await aclose()
