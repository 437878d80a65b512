"""Admission: limits the streams of a process, in all and per person or address."""

import threading
from functools import cache
from itertools import chain

from notifications.conf import conf
from notifications.exceptions import TooManyStreams
from notifications.lib.addresses import client_network
from notifications.live.connection import Connection

# The connections of each person, or of each address. Most have one.
Groups = dict[str, tuple[Connection, ...]]


class Admission:
    """Counts the streams of this process; safe to share between threads.

    A stream counts for its person, or for its address if the client is anonymous: an
    IPv6 address counts for its /64.
    """

    def __init__(self) -> None:
        # Guards everything below. Re-entrant, since a stream that nobody closed leaves
        # wherever Python collects it.
        self._lock = threading.RLock()
        self._people: Groups = {}
        self._addresses: Groups = {}
        # The addresses of anonymous connections.
        self._address_of: dict[Connection, str] = {}
        self._count = 0

    def enter(self, connection: Connection, *, address: str) -> None:
        """Admit a connection; `address` is where its client connects from.

        At the limit, streams whose client has left are ended first: a page that is
        reloaded leaves streams behind that nobody has noticed yet. Raises
        TooManyStreams.
        """
        if connection.user:
            groups, key, owner = self._people, connection.user, "user"
            limit = conf.MAX_STREAMS_PER_PERSON
        else:
            address = client_network(address)
            groups, key, owner = self._addresses, address, "address"
            limit = conf.MAX_STREAMS_PER_ADDRESS
        self._make_room(groups, key, limit)
        with self._lock:
            group = groups.get(key, ())
            if self._count >= conf.MAX_STREAMS:
                raise TooManyStreams("process", limit=conf.MAX_STREAMS)
            if len(group) >= limit:
                raise TooManyStreams(owner, limit=limit)
            groups[key] = (*group, connection)
            self._count += 1
            if not connection.user:
                self._address_of[connection] = address

    def leave(self, connection: Connection) -> None:
        """Stop counting a connection; idempotent."""
        with self._lock:
            if connection.user:
                groups, key = self._people, connection.user
            else:
                groups = self._addresses
                key = self._address_of.pop(connection, "")
            group = groups.get(key, ())
            if connection in group:
                self._count -= 1
                others = tuple(each for each in group if each is not connection)
                if others:
                    groups[key] = others
                else:
                    del groups[key]

    def connections(self) -> list[Connection]:
        """Return the connections that are admitted."""
        with self._lock:
            groups = (*self._people.values(), *self._addresses.values())
            return list(chain.from_iterable(groups))

    def _make_room(self, groups: Groups, key: str, limit: int) -> None:
        with self._lock:
            group = groups.get(key, ())
        if len(group) < limit:
            return
        for connection in group:
            if connection.transport.is_gone():
                self.leave(connection)
                connection.hang_up()


@cache
def shared_admission() -> Admission:
    """Return the admission of this process."""
    return Admission()
