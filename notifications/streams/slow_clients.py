"""Slow clients: how long a worker waits for each of the clients that hold its slots.

A slot is one request, or a connection that waits for one. Streams whose socket was
taken over hold none.
"""

import enum
import itertools
import logging
import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from notifications.conf import conf
from notifications.lib.descriptors import socket_limit
from notifications.lib.log_throttle import RateLimitFilter
from notifications.live.connection import Connection, State
from notifications.live.transports import QueueTransport
from notifications.streams.client_socket import ClientSocket

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How often the deadlines are checked.
CHECK_SECONDS = 0.25
# A client that reads at least this many bytes a second gets its whole reply.
MIN_REPLY_RATE = 4_096
# For so long a client may wait, or be waited for, even if all slots are taken.
MIN_WAIT_SECONDS = 0.5
# If all slots are taken, one of this many is freed at a time.
FREED_SHARE = 20
# A client that was cut leaves its slot within this time, unless the site works for it.
LEAVE_SECONDS = 2.0


class Phase(enum.Enum):
    """What happens in a slot: what its client is to do, or that the site works."""

    HEAD = "head"
    BODY = "body"
    REPLY = "reply"
    WORK = "work"


class SlotClient:
    """The client of one slot, and since when it has been doing what."""

    __slots__ = (
        "_clock", "address", "cut_at", "deadline", "phase", "since", "socket",
    )  # fmt: skip

    def __init__(self, sock: Any, address: str, clock: Callable[[], float]) -> None:
        self.socket = sock
        self.address = address
        self._clock = clock
        self.phase = Phase.WORK
        self.since = 0.0
        # None while the site works, which may take any time.
        self.deadline: float | None = None
        # When it was cut, if it was since the last wait began.
        self.cut_at: float | None = None

    def wait(self, phase: Phase, seconds: float) -> None:
        """Begin to wait for the client, for this long at most."""
        self.phase = phase
        self.since = self._clock()
        self.deadline = self.since + seconds
        self.cut_at = None

    def send_head(self, *, keep_alive: float = 0) -> None:
        """Wait for the head of a request, after `keep_alive` seconds without any."""
        self.wait(Phase.HEAD, max(conf.HEAD_TIMEOUT, keep_alive))

    def send_body(self) -> None:
        """Wait for a piece of the body."""
        self.wait(Phase.BODY, conf.BODY_TIMEOUT)

    def read_reply(self, length: int) -> None:
        """Wait until the client has read this many bytes."""
        self.wait(Phase.REPLY, conf.REPLY_TIMEOUT + length / MIN_REPLY_RATE)

    def work(self) -> None:
        """Wait for the site instead, without a limit."""
        self.phase = Phase.WORK
        self.deadline = None

    def has_sent(self) -> bool:
        """Tell whether the request goes on, and the site is too busy to read it."""
        return self.phase is not Phase.REPLY and ClientSocket(self.socket).has_input()

    def cut(self) -> None:
        """End the wait: reading finds the end of the input, and writing fails.

        A client whose body is missing can still be sent a reply.
        """
        logger.info("client=cut phase=%s address=%s", self.phase.value, self.address)
        how = socket.SHUT_RD if self.phase is Phase.BODY else socket.SHUT_RDWR
        self.work()
        self.cut_at = self._clock()
        ClientSocket(self.socket).shut_down(how)

    def is_leaving(self) -> bool:
        """Tell whether it was cut, and is about to free its slot."""
        return self.cut_at is not None and self._clock() < self.cut_at + LEAVE_SECONDS


class SlowClients:
    """Watches the clients of a worker's slots, and cuts those that take too long.

    If all `slots` are taken, it makes room: those that it has waited for the longest
    are cut, also before their deadline. The process may have `sockets` for these
    clients and for its `streams` together; by default as many as the system allows.
    `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        *,
        slots: int,
        sockets: int | None = None,
        streams: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = slots
        self._sockets = socket_limit() if sockets is None else sockets
        self._streams = streams
        self._freed = 1 + slots // FREED_SHARE
        self._clock = clock
        self._clients: dict[Any, SlotClient] = {}

    def enter(self, sock: Any, address: str) -> SlotClient:
        """Watch the client of a new connection, which is to send a head."""
        client = self._clients[sock] = SlotClient(sock, address, self._clock)
        client.send_head()
        if self.is_full():
            self.make_room()
        return client

    def leave(self, sock: Any) -> None:
        """Watch a client no more."""
        del self._clients[sock]

    def of(self, sock: Any) -> SlotClient:
        """Return the client at the other end of a socket."""
        return self._clients[sock]

    def is_full(self) -> bool:
        """Tell whether all slots are taken, so that nobody else is served."""
        return len(self._clients) >= self._slots or self.lacks_sockets()

    def lacks_sockets(self) -> bool:
        """Tell whether the process has no descriptor to spare for another client."""
        if len(self._clients) + self._streams() < self._sockets:
            return False
        logger.info("clients=refused limit=%d", self._sockets)
        return True

    def check(self) -> None:
        """Cut the clients whose deadline has passed; call it again and again."""
        now = self._clock()
        for client in list(self._clients.values()):
            if client.deadline is not None and client.deadline <= now:
                client.cut()

    def make_room(self) -> bool:
        """Cut the clients that have been waited for the longest.

        Tells whether any slot becomes free by that, or by an earlier cut.
        """
        leaving = sum(client.is_leaving() for client in self._clients.values())
        latest = self._clock() - MIN_WAIT_SECONDS
        waiting = [
            client
            for client in self._clients.values()
            if client.deadline is not None and client.since <= latest
        ]
        waiting.sort(key=lambda client: client.since)
        slow = (client for client in waiting if not client.has_sent())
        freed = list(itertools.islice(slow, max(self._freed - leaving, 0)))
        for client in freed:
            client.cut()
        return bool(freed or leaving)

    def end_streams(self, connections: Iterable[Connection]) -> None:
        """End some of the polls, and of the streams that hold a slot.

        Their clients ask again, after those that wait for a slot.
        """
        holding = [
            connection
            for connection in connections
            if connection.state is State.OPEN
            and isinstance(connection.transport, QueueTransport)
        ]
        for connection in random.sample(holding, min(self._freed, len(holding))):
            connection.close("busy", drain=True)


def check_forever(
    clients: SlowClients,
    connections: Callable[[], Iterable[Connection]],
    sleep: Callable[[float], None],
) -> None:
    """Cut the clients that are too slow, and make room while all slots are taken.

    `connections` returns the connections of the process.
    """
    while True:
        sleep(CHECK_SECONDS)
        clients.check()
        if clients.is_full() and not clients.make_room():
            clients.end_streams(connections())


class TimedReply:
    """A reply whose length is not known; the client has REPLY_TIMEOUT for each part."""

    def __init__(self, parts: Iterable[bytes], client: SlotClient) -> None:
        self._parts = parts
        self._client = client

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self._client.read_reply(len(part))
            yield part
            self._client.work()

    def close(self) -> None:
        """Close the reply; see PEP 3333."""
        if hasattr(self._parts, "close"):
            self._parts.close()
