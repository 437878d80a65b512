"""A connection: one open stream, from its subscriber to the transport of its frames.

The hub pushes frames in; the connection's transport takes them to the client. Nothing
here knows HTTP or Redis.
"""

import enum
import logging
import time
from collections.abc import Callable, Iterable

from notifications.lib.log_throttle import RateLimitFilter
from notifications.live.metrics import shared_metrics
from notifications.live.recipient import Recipient
from notifications.live.subscriber import ANONYMOUS, Subscriber
from notifications.live.transports import QueueTransport, Transport
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch, server_closed
from notifications.protocol.subscriptions import NO_SUBSCRIPTIONS, Subscriptions

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# An error in one transport ends its stream, and no other.
FAILED = "transport=failed user=%s"


class State(enum.Enum):
    """The state of a connection, which never goes back."""

    OPEN = "open"
    CLOSED = "closed"


class Connection(Recipient):
    """One open stream; the parameters are those of Recipient and these.

    `channels` are the pub/sub channels that it streams instead of the log, none of them
    if its events come from elsewhere. Of the log, only the end of its login is for it
    then. `clock` is a monotonic clock in seconds.
    """

    # There are tens of thousands of them.
    __slots__ = (
        "_clock", "_expires_at", "channels", "close_reason", "is_waited_for", "state",
        "transport", "was_pushed",
    )  # fmt: skip

    def __init__(
        self,
        subscriber: Subscriber = ANONYMOUS,
        transport: Transport | None = None,
        *,
        subscriptions: Subscriptions = NO_SUBSCRIPTIONS,
        requested_topics: Iterable[str] = (),
        channels: Iterable[str] | None = None,
        unseen_count: int | None = None,
        skip_until: Cursor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            subscriber,
            subscriptions=subscriptions,
            requested_topics=requested_topics,
            unseen_count=unseen_count,
            skip_until=skip_until,
        )
        self._clock = clock
        self._expires_at = clock() + subscriber.seconds
        self.channels = None if channels is None else frozenset(channels)
        # Replaced when the socket is taken over, and again when the link has ended.
        self.transport: Transport = transport or QueueTransport()
        self.state = State.OPEN
        self.close_reason = ""
        # Whether the frames wait for a client that is too far behind: a heartbeat does
        # not disconnect it.
        self.is_waited_for = False
        # Whether frames were pushed since the heartbeats looked last.
        self.was_pushed = False

    @property
    def seconds_left(self) -> float:
        """How long the stream may still last; 0 when it has expired."""
        return max(self._expires_at - self._clock(), 0)

    @property
    def selectors(self) -> Iterable[str]:
        """Those of Recipient; none for a stream of something else than the log."""
        return super().selectors if self.channels is None else ()

    def reached(self, delivered_up_to: Cursor) -> Cursor:
        """Return the client's cursor, given how far the hub has delivered."""
        return max(delivered_up_to, self.skip_until or delivered_up_to)

    @property
    def own_heartbeat(self) -> Batch | None:
        """What keeps the stream alive, if it is not the `heartbeat` event."""
        return None

    def last_bytes(self, reason: str) -> bytes:
        """Return what the client reads last, before the stream ends."""
        return server_closed(reason).body

    def push(self, batch: Batch) -> None:
        """Send frames of the log to the client, without those that it has."""
        if self.skip_until is not None:
            batch = self._skip(batch, self.skip_until)
            if not batch.frames:
                return
        self.was_pushed = True
        # Repeats `send`, to save a call for each delivery.
        try:
            if not self.transport.push(batch):
                self._give_up()
        except Exception:
            logger.exception(FAILED, self.user)
            self._fail()

    def send(self, batch: Batch) -> None:
        """Send frames to the client; never blocks.

        A client that is too far behind is disconnected instead, and resumes by its
        cursor. A closed connection ignores the frames.
        """
        try:
            if not self.transport.push(batch):
                self._give_up()
        except Exception:
            logger.exception(FAILED, self.user)
            self._fail()

    def _give_up(self) -> None:
        if self.is_waited_for:
            return
        if self.state is State.OPEN:
            shared_metrics().closed_slow()
        self.close("slow")
        self.transport.abort()

    def _skip(self, batch: Batch, skip_until: Cursor) -> Batch:
        later = batch.after(skip_until)
        if later.frames:
            # Everything that follows is later, too.
            self.skip_until = None
        return later

    def close(self, reason: str, *, drain: bool = False) -> None:
        """Accept no more frames, and tell the client why; idempotent.

        Waiting frames are dropped, unless they are to be drained. Either way the
        client resumes after the last frame that it received.
        """
        self._set_closed(reason)
        try:
            self.transport.close(self.close_reason, drain=drain)
        except Exception:
            logger.exception(FAILED, self.user)
            self._fail()

    def _set_closed(self, reason: str) -> None:
        if self.state is State.OPEN:
            # First, for other threads that look at the state.
            self.close_reason = reason
            self.state = State.CLOSED

    def _fail(self) -> None:
        """End the link whose transport raised an error, which has been logged."""
        self._set_closed("failed")
        self.transport.abort()

    def end_by_gap(self, reset: Batch) -> None:
        """End a stream that may lack frames of the log, and tell the client so."""
        self.skip_until = None
        if self.channels is None:
            self.push(reset)
        self.close("gap", drain=True)

    def hang_up(self) -> None:
        """Close the connection and end the link to a client that has left."""
        self.close("gone")
        self.transport.abort()
