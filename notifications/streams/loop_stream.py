"""A connection as an async iterator of SSE bytes, for ASGI servers.

It runs in the server's event loop, where nothing may block. No thread waits for it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

from asgiref.sync import SyncToAsync, sync_to_async

from notifications.conf import conf
from notifications.lib.loop_calls import LoopCalls
from notifications.live.connection import Connection, State
from notifications.live.transports import QueueTransport
from notifications.protocol.frames import Batch, Frame
from notifications.streams.exit_signals import drain_on_exit
from notifications.streams.writes import join


class TaskLink:
    """The link to a client whose stream is sent by a task; see Link."""

    def __init__(self, task: "asyncio.Task[Any]", calls: LoopCalls) -> None:
        self._task = task
        self._calls = calls

    def abort(self) -> None:
        """Cancel the task, which may wait for a client that does not read."""
        self._calls.call(self._task.cancel)

    def is_gone(self) -> bool:
        """Return False: the server cancels the task as soon as the client leaves."""
        return False


class WakingQueue:
    """The queue of a connection, awaited by the task that sends its frames."""

    def __init__(self, queue: QueueTransport) -> None:
        self._queue = queue
        self._ready = asyncio.Event()
        calls = LoopCalls.of_running_loop()
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an event stream must be iterated by a task")
        queue.serve(lambda: calls.call(self._ready.set), TaskLink(task, calls))

    async def take(self, *, seconds: float) -> list[Frame]:
        """Return all waiting frames; see QueueTransport."""
        # Cleared first: what is pushed from now on sets it again.
        self._ready.clear()
        taken = self._queue.take(seconds=0)
        if taken or self._queue.is_closed:
            return taken
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        return self._queue.take(seconds=0)


async def loop_chunks(
    connection: Connection,
    queue: QueueTransport,
    opening: Iterator[bytes],
    heartbeat_for: Callable[[Connection], Batch],
    *,
    on_start: Callable[[], None],
) -> AsyncGenerator[bytes]:
    """Yield the stream from its first byte to its last."""
    waking = WakingQueue(queue)
    on_start()
    drain_on_exit()
    # The first part releases the database connections of the request's thread. Reading
    # what the client missed may block, too.
    yield await sync_to_async(next)(opening)
    end_request_thread()
    while part := await asyncio.to_thread(next, opening, b""):
        yield part
    async for chunk in _live(connection, waking, heartbeat_for):
        yield chunk
    yield connection.last_bytes(connection.close_reason)


async def _live(
    connection: Connection,
    queue: WakingQueue,
    heartbeat_for: Callable[[Connection], Batch],
) -> AsyncIterator[bytes]:
    """Yield live frames and heartbeats until the connection is closed and drained."""
    while True:
        # Encoded before taking: every frame up to its cursor is in the queue by now.
        heartbeat = heartbeat_for(connection)
        seconds = min(conf.HEARTBEAT_INTERVAL, connection.seconds_left)
        taken = await queue.take(seconds=seconds)
        if not connection.seconds_left:
            connection.close("expired", drain=True)
        if taken:
            for chunk in join(taken):
                yield chunk
        elif connection.state is State.CLOSED:
            return
        else:
            yield heartbeat.body


def end_request_thread() -> None:
    """End the thread in which Django ran the synchronous parts of a request.

    Django keeps it until the response has been sent. What comes after the stream gets
    another one.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        return
    executor: Any = SyncToAsync.context_to_thread_executor.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)
