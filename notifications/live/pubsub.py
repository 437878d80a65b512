"""Pub/sub: messages in Flask-SSE's format go from Redis channels to the streams.

Live only: a message is never stored, and a client that reconnects missed it.
"""

import logging
import threading
from functools import cache
from typing import Any

import msgspec

from notifications.conf import conf
from notifications.exceptions import LogUnavailable, shorten
from notifications.lib.log_throttle import RateLimitFilter
from notifications.live.connection import Connection
from notifications.log.channels import Message
from notifications.log.stream import Log, shared_log
from notifications.protocol import frames, sse

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

RETRY_SECONDS = 1.0
# How long a stream waits for the subscription before it is refused.
SUBSCRIBE_SECONDS = 2.0


# The channels that views of the site stream, beside those of the settings.
_mounted: set[str] = set()


def mount(channel: str) -> None:
    """Subscribe to a channel that the settings do not name; before the first stream."""
    _mounted.add(channel)


class FlaskMessage(msgspec.Struct, frozen=True):
    """A message of Flask-SSE: https://github.com/singingwolfboy/flask-sse."""

    data: Any
    type: str = ""
    id: str | int | None = None
    retry: int | None = None


class PubSub:
    """Subscribes while it has connections, and pushes each message to those it is for.

    Safe to share between threads.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        # Set while the channels are subscribed to.
        self._subscribed = threading.Event()
        # Guards the connections and the thread. Re-entrant, since a stream that nobody
        # closed is detached wherever Python collects it.
        self._lock = threading.RLock()
        self._connections: set[Connection] = set()
        self._thread: threading.Thread | None = None
        # How many messages could not be decoded and were dropped.
        self.unreadable = 0

    def attach(self, connection: Connection) -> None:
        """Push messages on the connection's channels to it from now on.

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
        """Stop pushing to this connection; idempotent."""
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
            while not self._finish_if_idle():
                self._subscribe()
        finally:
            self._end()

    def _finish_if_idle(self) -> bool:
        """Tell whether the thread has to end, since no connection is left."""
        with self._lock:
            if not self._connections:
                self._thread = None
            return self._thread is None

    def _subscribe(self) -> None:
        """Listen until the last connection is detached or Redis cannot be reached."""
        try:
            self._listen()
        except LogUnavailable as error:
            logger.warning("subscribe=interrupted reason=%r", str(error))
            threading.Event().wait(RETRY_SECONDS)
        finally:
            self._subscribed.clear()

    def _end(self) -> None:
        """Close the connections that are left, also after a bug ended the thread."""
        with self._lock:
            # The thread was idle, and later connections have a thread of their own.
            if self._thread is not threading.current_thread():
                return
            self._thread = None
            connections = list(self._connections)
        for connection in connections:
            connection.close("stopped", drain=True)

    def _listen(self) -> None:
        for message in self._log.subscribe(
            sorted(_mounted.union(conf.PUBSUB_CHANNELS)),
            seconds=conf.LOG_READ_TIMEOUT,
        ):
            self._subscribed.set()
            if message is not None:
                self._push(message)
            elif not self._connections:
                return

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
            due = [
                each
                for each in self._connections
                if message.channel in (each.channels or ())
            ]
        for connection in due:
            connection.push(batch)


def encode(body: bytes) -> bytes:
    """Return a message in Flask-SSE's format as an SSE event.

    `data` is sent unchanged if it is a string, and as JSON otherwise. Raises ValueError
    for any other body, and for a type or an id that would break the stream.
    """
    try:
        message = _decoder.decode(body)
        data = message.data
        text = data if isinstance(data, str) else msgspec.json.encode(data).decode()
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if message.type in sse.SERVER_NAMES:
        raise ValueError("the server reserves this type")
    event_id = "" if message.id is None else str(message.id)
    return sse.encode(
        data=text, event=message.type, event_id=event_id, retry=message.retry
    )


_decoder = msgspec.json.Decoder(FlaskMessage)


@cache
def shared_pubsub() -> PubSub:
    """Return the PubSub of this process; it subscribes with the first stream."""
    return PubSub(shared_log())
