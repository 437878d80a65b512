"""A connection of a Mercure subscriber: filters what the hub routes to it."""

from collections.abc import Callable
from typing import Any

from notifications.live.connection import Connection, State
from notifications.live.subscriber import Subscriber
from notifications.live.transports import Transport
from notifications.mercure.grants import Grants
from notifications.mercure.matchers import WILDCARD
from notifications.mercure.selection import Selection
from notifications.mercure.terms import SUBSCRIBE
from notifications.protocol.frames import Batch, Frame, without_cursor
from notifications.protocol.topics import of_mercure, text_of

# A comment, without an end that some clients would take for that of an event.
KEEP_ALIVE = Batch([without_cursor(b":\n")])


class MercureConnection(Connection):
    """A stream of the updates that `selection` selects and `grants` allow.

    Selected topics cost nothing for other updates. Patterns are tried with every
    update, and only once for all connections that have the same ones.
    """

    __slots__ = ("grants", "on_close", "selection")

    def __init__(
        self,
        subscriber: Subscriber,
        transport: Transport,
        *,
        selection: Selection,
        grants: Grants,
        **options: Any,
    ) -> None:
        self.selection = selection
        self.grants = grants
        # Called once with the first close, in any thread; must not block.
        self.on_close: Callable[[], None] | None = None
        topics = {WILDCARD} if selection.needs_every_update else selection.topics
        super().__init__(
            subscriber, transport, requested_topics=map(of_mercure, topics), **options
        )

    @property
    def shares_pages(self) -> bool:
        """No: the selectors do not tell what the grants allow."""
        return False

    @property
    def own_heartbeat(self) -> Batch:
        """A comment: other events than updates would be strange to the clients."""
        return KEEP_ALIVE

    def last_bytes(self, reason: str) -> bytes:
        """Return a comment, for the same reason."""
        return KEEP_ALIVE.body

    def push(self, batch: Batch) -> None:
        """Send those of the updates that are for the subscriber."""
        wanted = [each for each in batch.frames if self.wants_replayed(each)]
        if len(wanted) == len(batch.frames):
            super().push(batch)
        elif wanted:
            super().push(Batch(wanted))

    def wants_replayed(self, frame: Frame) -> bool:
        """Tell whether an update is selected, and allowed if it is private."""
        topics = [text_of(each) for each in frame.topics]
        if not self.selection.selects(topics):
            return False
        return not frame.private or any(
            self.grants.allows(SUBSCRIBE, each) for each in topics
        )

    def end_by_gap(self, reset: Batch) -> None:
        """End a stream that may lack updates; its client learns of it by its id."""
        self.skip_until = None
        self.close("gap", drain=True)

    def close(self, reason: str, *, drain: bool = False) -> None:
        """Close as Connection does; nothing is sent after the token has expired."""
        super().close(reason, drain=drain and reason != "expired")

    def _set_closed(self, reason: str) -> None:
        was_open = self.state is State.OPEN
        super()._set_closed(reason)
        if was_open and self.on_close is not None:
            self.on_close()
