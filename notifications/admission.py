"""Admission: how many streams a process takes, in all and of one person or address."""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from notifications.conf import conf
from notifications.exceptions import TooManyStreams

EVERYBODY = ""


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """One admitted stream; `is_gone` tells whether its client has left."""

    key: str
    is_gone: Callable[[], bool]
    hang_up: Callable[[], None]


class Admission:
    """Counts the streams of this process; safe to share between threads."""

    def __init__(self) -> None:
        # Re-entrant, since a stream that nobody closed leaves wherever Python happens
        # to collect it.
        self._lock = threading.RLock()
        # By whose they are, those of everybody among them; guarded by the lock.
        self._tickets: defaultdict[str, set[Ticket]] = defaultdict(set)

    def enter(
        self,
        *,
        user: str,
        address: str,
        is_gone: Callable[[], bool],
        hang_up: Callable[[], None],
    ) -> Ticket:
        """Admit a stream of a person, or of an address where nobody is known.

        Raises TooManyStreams. A page that is loaded again leaves streams behind that
        nobody has noticed the end of yet: they are ended first.
        """
        key = f"user:{user}" if user else f"address:{address}"
        limit = conf.MAX_STREAMS_PER_PERSON if user else conf.MAX_STREAMS_PER_ADDRESS
        self._make_room(key, limit)
        with self._lock:
            self._check(EVERYBODY, "process", conf.MAX_STREAMS)
            self._check(key, "user" if user else "address", limit)
            ticket = Ticket(key, is_gone, hang_up)
            self._tickets[EVERYBODY].add(ticket)
            self._tickets[key].add(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give the place back; idempotent."""
        with self._lock:
            for key in (EVERYBODY, ticket.key):
                self._tickets[key].discard(ticket)
                if not self._tickets[key]:
                    del self._tickets[key]

    def _make_room(self, key: str, limit: int) -> None:
        with self._lock:
            present = list(self._tickets.get(key, ()))
        if len(present) < limit:
            return
        for ticket in present:
            if ticket.is_gone():
                self.leave(ticket)
                ticket.hang_up()

    def _check(self, key: str, whose: str, limit: int) -> None:
        if len(self._tickets.get(key, ())) >= limit:
            raise TooManyStreams(whose, limit=limit)


@cache
def shared_admission() -> Admission:
    """Return the admission of this process."""
    return Admission()
