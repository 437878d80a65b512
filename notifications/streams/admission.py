"""Admission: how many streams a process takes, in all and of one person or address."""

import threading
from functools import cache
from itertools import chain

from notifications.conf import conf
from notifications.exceptions import TooManyStreams
from notifications.live.connection import Connection

Held = dict[str, tuple[Connection, ...]]


class Admission:
    """Counts the streams of this process; safe to share between threads."""

    def __init__(self) -> None:
        # Re-entrant, since a stream that nobody closed leaves wherever Python happens
        # to collect it.
        self._lock = threading.RLock()
        # By who holds them, which is a person or, where nobody is known, an address;
        # most hold one. Guarded by the lock.
        self._people: Held = {}
        self._addresses: Held = {}
        self._addresses_of: dict[Connection, str] = {}
        self._count = 0

    def enter(self, connection: Connection, *, address: str) -> None:
        """Admit the stream of a person, or of an address where nobody is known.

        Raises TooManyStreams. A page that is loaded again leaves streams behind that
        nobody has noticed the end of yet: they are ended first.
        """
        if connection.user:
            held, holder, whose = self._people, connection.user, "user"
            limit = conf.MAX_STREAMS_PER_PERSON
        else:
            held, holder, whose = self._addresses, address, "address"
            limit = conf.MAX_STREAMS_PER_ADDRESS
        self._make_room(held, holder, limit)
        with self._lock:
            present = held.get(holder, ())
            if self._count >= conf.MAX_STREAMS:
                raise TooManyStreams("process", limit=conf.MAX_STREAMS)
            if len(present) >= limit:
                raise TooManyStreams(whose, limit=limit)
            held[holder] = (*present, connection)
            self._count += 1
            if not connection.user:
                self._addresses_of[connection] = address

    def leave(self, connection: Connection) -> None:
        """Give the place back; idempotent."""
        with self._lock:
            if connection.user:
                held, holder = self._people, connection.user
            else:
                held = self._addresses
                holder = self._addresses_of.pop(connection, "")
            present = held.get(holder, ())
            if connection in present:
                self._count -= 1
                others = tuple(each for each in present if each is not connection)
                if others:
                    held[holder] = others
                else:
                    del held[holder]

    def present(self) -> list[Connection]:
        """Return the streams that are admitted."""
        with self._lock:
            both = (*self._people.values(), *self._addresses.values())
            return list(chain.from_iterable(both))

    def _make_room(self, held: Held, holder: str, limit: int) -> None:
        with self._lock:
            present = held.get(holder, ())
        if len(present) < limit:
            return
        for connection in present:
            if connection.transport.is_gone():
                self.leave(connection)
                connection.hang_up()


@cache
def shared_admission() -> Admission:
    """Return the admission of this process."""
    return Admission()
