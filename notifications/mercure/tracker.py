"""Tracks the subscriptions of this process, and tells of their starts and ends.

A thread writes them to Redis and to the log, so that no stream waits for either. What a
process that died has left, another one ends.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from uuid import uuid4

from notifications.exceptions import LogUnavailable
from notifications.lib.batches import batches
from notifications.lib.periodic_thread import PeriodicThread
from notifications.live.connection import State
from notifications.log.connections import patiently
from notifications.log.stream import Log, shared_log
from notifications.mercure.active import (
    Subscriptions,
    entry,
    loaded,
    new_subscriber,
    stored,
)
from notifications.mercure.conf import MercureSettings, mercure_settings
from notifications.mercure.connection import MercureConnection
from notifications.protocol.entries import UpdateEntry, encode

# How soon a change is told of, and how often a process says that it is alive.
SOON_SECONDS = 0.1
ALIVE_SECONDS = 2.0
# A flood of subscriptions must not push all events out of the log at once.
ENTRIES_PER_SECOND = 500
# A run tells of about as many.
RUN_ENTRIES = 50
# Subscribers that came and left before either was told; of more, neither is.
MAX_UNTOLD = 10_000
# In seconds; of the lock of a process that ends what another one has left.
LOCK_SECONDS = 30


@dataclass(slots=True)
class Change:
    """What is to be told of a subscriber."""

    subscriptions: Subscriptions
    started: bool = False
    ended: bool = False


class Tracker:
    """Tells of the subscriptions of this process; safe to share between threads."""

    def __init__(
        self,
        log: Log,
        hub: Callable[[], MercureSettings | None] = mercure_settings,
        *,
        untold_limit: int = MAX_UNTOLD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._hub = hub
        self._untold_limit = untold_limit
        self._clock = clock
        self._store = log.subscriber_store()
        self._process = secrets.token_hex(8)
        # Guards the two that follow. Re-entrant, since a stream that nobody closed
        # ends wherever Python collects it.
        self._lock = threading.RLock()
        self._active: dict[str, Subscriptions] = {}
        # By subscriber, in the order in which they changed first.
        self._untold: dict[str, Change] = {}
        # The subscribers that Redis has; used by the thread alone.
        self._told: set[str] = set()
        # How often the others may have told of the end of all of them.
        self._lives = 0
        # When more may be told.
        self._next_at = clock()
        self._soon = threading.Event()
        self._thread = PeriodicThread(
            self._run,
            name="notifications-mercure",
            interval=lambda: ALIVE_SECONDS if self._is_on() else 0,
            soon=self._soon,
            soon_seconds=SOON_SECONDS,
        )

    def _is_on(self) -> bool:
        hub = self._hub()
        return hub is not None and hub.subscriptions

    def start(self) -> None:
        """Start the thread, which also ends what other processes have left."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; the next subscriber starts it again."""
        self._thread.stop()

    def add(self, connection: MercureConnection, subscriptions: Subscriptions) -> None:
        """Track the subscriptions of a connection until it is closed."""
        subscriber = new_subscriber()
        with self._lock:
            self._active[subscriber] = subscriptions
            self._untold[subscriber] = Change(subscriptions, started=True)
        connection.on_close = lambda: self._end(subscriber)
        if connection.state is State.CLOSED:
            # Before it was noted.
            self._end(subscriber)
        self.start()
        self._soon.set()

    def _end(self, subscriber: str) -> None:
        with self._lock:
            subscriptions = self._active.pop(subscriber, None)
            if subscriptions is None:
                return
            change = self._untold.setdefault(subscriber, Change(subscriptions))
            change.ended = True
            if change.started and len(self._untold) > self._untold_limit:
                del self._untold[subscriber]
        self._soon.set()

    def _run(self) -> None:
        hub = self._hub()
        if hub is None:
            return
        with suppress(LogUnavailable), patiently():
            self.update(hub)
            self._end_lost(hub)

    def update(self, hub: MercureSettings) -> None:
        """Say that this process is alive, and tell of some changes.

        Raises LogUnavailable; what was not told then, the next call tells.
        """
        with self._lock:
            is_needed = bool(self._active or self._untold or self._told)
        if not is_needed:
            return
        if self._store.renew(self._process) != len(self._told):
            self._tell_again()
        if self._clock() < self._next_at:
            self._soon.set()
            return
        changes = self._take()
        try:
            self._tell(changes, hub)
        except LogUnavailable:
            self._put_back(changes)
            raise

    def _tell_again(self) -> None:
        """Tell of all subscribers anew: others told of their end, or Redis lost them.

        The first time, there are none of either.
        """
        self._store.forget(self._process)
        self._store.renew(self._process)
        with self._lock:
            self._lives += 1
            self._told.clear()
            ended = {name: each for name, each in self._untold.items() if each.ended}
            again = {
                name: Change(each, started=True) for name, each in self._active.items()
            }
            self._untold = {**ended, **again}

    def _take(self) -> dict[str, Change]:
        """Return the changes to tell of now, which are not waiting any more."""
        found: dict[str, Change] = {}
        entries = 0
        with self._lock:
            while self._untold and entries < RUN_ENTRIES:
                subscriber = next(iter(self._untold))
                change = found[subscriber] = self._untold.pop(subscriber)
                entries += len(change.subscriptions) * (change.started + change.ended)
            if self._untold:
                self._soon.set()
        self._next_at = self._clock() + entries / ENTRIES_PER_SECOND
        return found

    def _put_back(self, changes: dict[str, Change]) -> None:
        with self._lock:
            for subscriber, change in changes.items():
                if (later := self._untold.pop(subscriber, None)) is not None:
                    change.ended = later.ended
            self._untold = {**changes, **self._untold}

    def _tell(self, changes: dict[str, Change], hub: MercureSettings) -> None:
        started = {
            subscriber: stored(each.subscriptions)
            for subscriber, each in changes.items()
            if each.started and not each.ended
        }
        ended = [subscriber for subscriber, each in changes.items() if each.ended]
        # Redis before the log: a client reads the cursor, then Redis, then the log.
        self._store.write(self._process, started, ended)
        self._append(
            new
            for subscriber, each in changes.items()
            for new in self._entries(subscriber, each, hub)
        )
        self._told.update(started)
        self._told.difference_update(ended)

    def _entries(
        self, subscriber: str, change: Change, hub: MercureSettings
    ) -> Iterable[UpdateEntry]:
        for active in (True, False):
            if not (change.started if active else change.ended):
                continue
            for number, each in enumerate(change.subscriptions):
                # The same when it is tried again.
                uid = f"{subscriber}:{self._lives}:{number}:{active}"
                yield entry(subscriber, each, hub, active=active, uid=uid)

    def _append(self, entries: Iterable[UpdateEntry]) -> None:
        if bodies := [(each.uid, encode(each)) for each in entries]:
            self._log.append(bodies)

    def _end_lost(self, hub: MercureSettings) -> None:
        """Tell of the end of what processes have left that are not alive any more."""
        lost = [each for each in self._store.lost() if each != self._process]
        if not lost:
            return
        with self._log.exclusive("mercure", seconds=LOCK_SECONDS) as lock:
            for process in lost:
                for part in batches(self._store.subscribers(process), RUN_ENTRIES):
                    if not lock.renew():
                        return
                    self._append(
                        entry(subscriber, each, hub, active=False, uid=str(uuid4()))
                        for subscriber, body in part
                        for each in loaded(body)
                    )
                self._store.forget(process)


@cache
def shared_tracker() -> Tracker:
    """Return the tracker of this process."""
    return Tracker(shared_log())
