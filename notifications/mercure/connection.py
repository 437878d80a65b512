"""A connection of a Mercure subscriber: filters what the hub routes to it."""

from collections.abc import Iterable
from typing import Any

from notifications.live.connection import Connection
from notifications.live.subscriber import Subscriber
from notifications.live.transports import Transport
from notifications.mercure.grants import Grants
from notifications.mercure.matchers import WILDCARD, Matcher
from notifications.mercure.terms import SUBSCRIBE
from notifications.protocol.frames import Batch, Frame, without_cursor
from notifications.protocol.topics import of_mercure, text_of

# A comment, without an end that some clients would take for that of an event.
KEEP_ALIVE = Batch([without_cursor(b":\n")])


class MercureConnection(Connection):
    """A stream of the updates that one of `matchers` selects and `grants` allow.

    Matchers of exact topics cost nothing for other updates. Those of patterns are tried
    with every update, and only once for all connections that have the same ones.
    """

    __slots__ = ("grants", "matchers")

    def __init__(
        self,
        subscriber: Subscriber,
        transport: Transport,
        *,
        matchers: Iterable[Matcher],
        grants: Grants,
        **options: Any,
    ) -> None:
        self.matchers = tuple(matchers)
        self.grants = grants
        topics = map(_selector, self.matchers)
        super().__init__(subscriber, transport, requested_topics=topics, **options)

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
        if frame.private and not any(
            self.grants.allows(SUBSCRIBE, each) for each in topics
        ):
            return False
        base = self.grants.base
        return any(one.matches(each, base) for each in topics for one in self.matchers)

    def end_by_gap(self, reset: Batch) -> None:
        """End a stream that may lack updates; its client learns of it by its id."""
        self.skip_until = None
        self.close("gap", drain=True)


def _selector(matcher: Matcher) -> str:
    return of_mercure(matcher.pattern if matcher.is_exact else WILDCARD)
