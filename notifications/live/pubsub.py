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
from notifications.live.audience import Audience
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
        self._audience = Audience(self._serve, thread_name="notifications-channels")
        # How many messages could not be decoded and were dropped.
        self.unreadable = 0

    def attach(self, connection: Connection) -> None:
        """Push messages on the connection's channels to it from now on.

        Raises LogUnavailable, with the connection not attached.
        """
        self._audience.attach(connection)
        if not self._subscribed.wait(SUBSCRIBE_SECONDS):
            self.detach(connection)
            raise LogUnavailable("the channels could not be subscribed to")

    def detach(self, connection: Connection) -> None:
        """Stop pushing to this connection; idempotent."""
        self._audience.detach(connection)

    def stop(self) -> None:
        """Close every connection and end the subscription."""
        self._audience.stop()

    def _serve(self) -> str:
        while not self._audience.finish_if_empty():
            self._subscribe()
        return "stopped"

    def _subscribe(self) -> None:
        """Listen until the last connection is detached or Redis cannot be reached."""
        try:
            self._listen()
        except LogUnavailable as error:
            logger.warning("subscribe=interrupted reason=%r", str(error))
            threading.Event().wait(RETRY_SECONDS)
        finally:
            self._subscribed.clear()

    def _listen(self) -> None:
        for message in self._log.subscribe(
            sorted(_mounted.union(conf.PUBSUB_CHANNELS)),
            seconds=conf.LOG_READ_TIMEOUT,
        ):
            self._subscribed.set()
            if message is not None:
                self._push(message)
            elif self._is_idle():
                return

    def _is_idle(self) -> bool:
        """Tell whether the subscription may end, since no connection relies on it."""
        if self._audience.connections():
            return False
        self._subscribed.clear()
        # One that was attached in between has seen it set.
        if not self._audience.connections():
            return True
        self._subscribed.set()
        return False

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
        for connection in self._audience.connections():
            if message.channel in (connection.channels or ()):
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
