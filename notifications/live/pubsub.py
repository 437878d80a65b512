"""Redis pub/sub channels in Flask-SSE's form, live only, for streams that name one."""

import logging
import threading
from functools import cache
from typing import Any

import msgspec

from notifications.conf import conf
from notifications.exceptions import LogUnavailable, shorten
from notifications.lib.log_throttle import RateLimitFilter
from notifications.live.connection import Connection
from notifications.log.stream import Log, Message, shared_log
from notifications.protocol import frames, sse

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

RETRY_SECONDS = 1.0
# How long the first stream waits until its channel is subscribed to.
SUBSCRIBE_SECONDS = 2.0


class Published(msgspec.Struct, frozen=True):
    """What Flask-SSE publishes: https://github.com/singingwolfboy/flask-sse."""

    data: Any
    type: str = ""
    id: str | int | None = None


class PubSub:
    """Subscribes while there is a connection, and pushes each message to all."""

    def __init__(self, log: Log) -> None:
        self._log = log
        # Set while the subscription stands.
        self._subscribed = threading.Event()
        # Guarded by the lock, which is re-entrant for the reason of the hub's.
        self._lock = threading.RLock()
        self._connections: set[Connection] = set()
        self._thread: threading.Thread | None = None
        # How many messages made no sense and were dropped.
        self.unreadable = 0

    def attach(self, connection: Connection) -> None:
        """Push to this connection what is published on its channels from now on.

        Raises LogUnavailable, with the connection not attached.
        """
        with self._lock:
            self._connections.add(connection)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="notifications-channels", daemon=True
                )
                self._thread.start()
        if not self._subscribed.wait(SUBSCRIBE_SECONDS):
            self.detach(connection)
            raise LogUnavailable("the channels could not be subscribed to")

    def detach(self, connection: Connection) -> None:
        """Push to this connection no longer; idempotent."""
        connection.close("detached")
        with self._lock:
            self._connections.discard(connection)

    def stop(self) -> None:
        """Close every connection and end the subscription."""
        with self._lock:
            thread, connections = self._thread, list(self._connections)
        for connection in connections:
            self.detach(connection)
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        try:
            while not self._finished():
                self._try_to_listen()
        finally:
            self._end()

    def _try_to_listen(self) -> None:
        try:
            self._listen()
        except LogUnavailable as error:
            logger.warning("subscribe=interrupted reason=%r", str(error))
            threading.Event().wait(RETRY_SECONDS)
        finally:
            self._subscribed.clear()

    def _end(self) -> None:
        """Let the next stream start anew, also when an error of ours ended this."""
        with self._lock:
            # Nobody was connected any more, and who came since has another thread.
            if self._thread is not threading.current_thread():
                return
            self._thread = None
            connections = list(self._connections)
        for connection in connections:
            connection.close("stopped", drain=True)

    def _listen(self) -> None:
        for message in self._log.subscribe(
            conf.PUBSUB_CHANNELS, seconds=conf.LOG_READ_TIMEOUT
        ):
            self._subscribed.set()
            if message is not None:
                self._push(message)
            elif not self._connections:
                return

    def _finished(self) -> bool:
        """End the thread, under the lock, once nobody is connected."""
        with self._lock:
            if not self._connections:
                self._thread = None
            return self._thread is None

    def _push(self, message: Message) -> None:
        try:
            batch = frames.Batch([frames.without_cursor(encode(message.body))])
        except ValueError as error:
            self.unreadable += 1
            logger.warning(
                "message=dropped channel=%s reason=%s",
                shorten(message.channel),
                shorten(str(error)),
            )
            return
        with self._lock:
            due = [c for c in self._connections if message.channel in c.channels]
        for connection in due:
            connection.push(batch)


def encode(body: bytes) -> bytes:
    """Return a message in Flask-SSE's form as an event of a stream.

    A `data` that is text goes as it is, anything else as JSON. Raises ValueError for
    what is no such message, or whose type or id would break the stream.
    """
    try:
        published = _decoder.decode(body)
        data = published.data
        text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if published.type in sse.SERVER_NAMES:
        raise ValueError("a type that the server keeps for itself")
    event_id = "" if published.id is None else str(published.id)
    return sse.encode(data=text, event=published.type, event_id=event_id)


_decoder = msgspec.json.Decoder(Published)


@cache
def shared_pubsub() -> PubSub:
    """Return the channels of this process; it subscribes with the first stream."""
    return PubSub(shared_log())
