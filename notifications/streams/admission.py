"""Admission: limits the streams of a process, and those of each person or address."""

import logging
import threading
from collections.abc import Mapping
from functools import cache
from itertools import chain

from notifications.conf import conf
from notifications.exceptions import CannotStream, TooManyStreams
from notifications.lib.addresses import client_network
from notifications.lib.descriptors import descriptor_limit, stream_limit
from notifications.lib.periodic_thread import PeriodicThread
from notifications.live.connection import Connection
from notifications.log.stream import shared_log
from notifications.log.stream_counts import StreamCounts
from notifications.streams.shared_counts import Owner, SharedCounts

logger = logging.getLogger(__name__)

USER, ADDRESS = "user", "address"
# The connections of each person, or of each address. Most have one.
Groups = dict[str, tuple[Connection, ...]]


class Admission:
    """Counts the streams of this process; safe to share between threads.

    A stream counts for its person, or for its address if the client is anonymous: an
    IPv6 address counts for its /64. Their limits are those of all processes that share
    the `counts`.
    """

    def __init__(self, counts: StreamCounts | None = None) -> None:
        # Guards what follows. Re-entrant, since a stream that nobody closed leaves
        # wherever Python collects it.
        self._lock = threading.RLock()
        self._groups: Mapping[str, Groups] = {USER: {}, ADDRESS: {}}
        # The addresses of anonymous connections.
        self._address_of: dict[Connection, str] = {}
        self._count = 0
        # How many streams the system allows.
        self._possible = stream_limit()
        self.shared = None if counts is None else SharedCounts(counts, self)

    def enter(
        self, connection: Connection, *, address: str, at_most: int | None = None
    ) -> None:
        """Admit a connection; `address` is where its client connects from.

        The server can have `at_most` this many streams; None for any number.

        At the limit, streams whose client has left are ended first: a page that is
        reloaded leaves streams behind that nobody has noticed yet. Raises
        TooManyStreams and CannotStream.
        """
        if connection.user:
            owner = Owner(USER, connection.user)
        else:
            owner = Owner(ADDRESS, client_network(address))
        try:
            self._admit(connection, owner, at_most)
        except TooManyStreams:
            if not self._make_room(owner):
                raise
            self._admit(connection, owner, at_most)

    def _admit(self, connection: Connection, owner: Owner, at_most: int | None) -> None:
        limit = _limit(owner)
        with self._lock:
            if at_most is not None and self._count >= at_most:
                raise CannotStream(at_most)
            groups = self._groups[owner.kind]
            group = groups.get(owner.name, ())
            most = min(conf.MAX_STREAMS, self._possible)
            if self._count >= most:
                raise TooManyStreams("process", limit=most)
            if len(group) >= limit:
                raise TooManyStreams(owner.kind, limit=limit)
            groups[owner.name] = (*group, connection)
            self._count += 1
            if owner.kind == ADDRESS:
                self._address_of[connection] = owner.name
        if self.shared is None:
            return
        admitted = False
        try:
            # Without the lock, since it asks Redis.
            admitted = self.shared.enter(owner, count=len(group) + 1, limit=limit)
        finally:
            if not admitted:
                self.leave(connection)
        if not admitted:
            raise TooManyStreams(owner.kind, limit=limit)

    def leave(self, connection: Connection) -> None:
        """Stop counting a connection; idempotent."""
        with self._lock:
            if connection.user:
                owner = Owner(USER, connection.user)
            else:
                owner = Owner(ADDRESS, self._address_of.pop(connection, ""))
            groups = self._groups[owner.kind]
            group = groups.get(owner.name, ())
            if connection not in group:
                return
            self._count -= 1
            others = tuple(each for each in group if each is not connection)
            if others:
                groups[owner.name] = others
            else:
                del groups[owner.name]
        if self.shared is not None:
            self.shared.changed(owner)

    def connections(self) -> list[Connection]:
        """Return the connections that are admitted."""
        with self._lock:
            several = (groups.values() for groups in self._groups.values())
            return list(chain.from_iterable(chain.from_iterable(several)))

    def count(self, owner: Owner) -> int:
        """Return how many streams an owner has in this process."""
        with self._lock:
            return len(self._groups[owner.kind].get(owner.name, ()))

    def owners(self) -> list[Owner]:
        """Return everyone who has a stream in this process."""
        with self._lock:
            return [
                Owner(kind, name)
                for kind, groups in self._groups.items()
                for name in groups
            ]

    def _make_room(self, owner: Owner) -> bool:
        """End the streams of an owner whose client has left; tell whether one had."""
        with self._lock:
            group = self._groups[owner.kind].get(owner.name, ())
        gone = [each for each in group if each.transport.is_gone()]
        for connection in gone:
            self.leave(connection)
            connection.hang_up()
        return bool(gone)


def _limit(owner: Owner) -> int:
    if owner.kind == USER:
        return conf.MAX_STREAMS_PER_PERSON
    return conf.MAX_STREAMS_PER_ADDRESS


@cache
def shared_admission() -> Admission:
    """Return the admission of this process."""
    return Admission(shared_log().stream_counts())


@cache
def warn_if_limited() -> None:
    """Log once if this process cannot have as many streams as MAX_STREAMS allows."""
    if stream_limit() < conf.MAX_STREAMS:
        logger.warning(
            "streams=limited limit=%d max_streams=%d open_files=%d hint=%r",
            stream_limit(),
            conf.MAX_STREAMS,
            descriptor_limit(),
            "raise the limit of open files: ulimit -n",
        )


def _update_counts() -> None:
    if shared := shared_admission().shared:
        shared.update()


def _update_interval() -> float:
    shared = shared_admission().shared
    return shared.interval if shared and conf.SWEEP_INTERVAL else 0


# Off without a sweep, as in tests.
counting = PeriodicThread(
    _update_counts, name="notifications-counts", interval=_update_interval
)
