"""Presence: notes who has a stream of a topic open, and tells the streams of it.

One thread writes what has changed; it runs only while a stream of such a topic is open.
What stays as it is costs nothing, and what a process that died has written expires.
"""

import logging
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache

from django.db import Error as DatabaseFailure

from notifications.databases import release_connections
from notifications.exceptions import LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.lib.periodic_thread import PeriodicThread
from notifications.lib.time_slice import TimeSlicer
from notifications.live.connection import Connection
from notifications.log.connections import patiently
from notifications.log.presence import Roster
from notifications.log.stream import Log, shared_log
from notifications.models import site_language
from notifications.protocol import frames
from notifications.protocol.frames import Batch
from notifications.publishing.presence import Present, has_presence, present_on
from notifications.streams.viewers import Viewers

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How soon those who came are written, how often a process looks for changes, and how
# often it says that it is alive.
SOON_SECONDS = 0.2
LOOK_SECONDS = 1.0
ALIVE_SECONDS = 2.0
# Who has left counts for this long, so that a page may reload and a client poll again.
LINGER_SECONDS = 4.0
# The thread pauses this long at least.
PAUSE_SECONDS = 0.05

# The new streams of each topic, with what the client of a poll already shows.
Newcomers = Mapping[str, Mapping[Connection, Collection[str]]]


class PresenceReporter:
    """Writes who is present in this process, and tells its streams who is in any.

    Safe to share between threads; `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self, log: Log, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = log.presence_store()
        self._clock = clock
        self._process = secrets.token_hex(8)
        # Guards the viewers. Re-entrant, since a stream that nobody closed leaves
        # wherever Python collects it.
        self._lock = threading.RLock()
        self._viewers: defaultdict[str, Viewers] = defaultdict(Viewers)
        self._newcomers: defaultdict[str, dict[Connection, Collection[str]]] = (
            defaultdict(dict)
        )
        # The topics whose rosters are to be written, and those where somebody has left,
        # with the time until which they count.
        self._unwritten: set[str] = set()
        self._leaving: deque[tuple[float, str]] = deque()
        # Whether Redis has all other rosters, and all streams were told.
        self._is_complete = False
        self._alive_at = self._look_at = clock()
        # Changes up to this moment are known, and these processes; see PresenceStore.
        self._moment = 0.0
        self._processes: frozenset[str] = frozenset()
        self._time_slicer = TimeSlicer()
        self._soon = threading.Event()
        self._thread = PeriodicThread(
            self._run,
            name="notifications-presence",
            interval=self._interval,
            soon=self._soon,
            soon_seconds=SOON_SECONDS,
        )

    def enter(self, connection: Connection, *, shown: Collection[str] = ()) -> None:
        """Note that a stream is open, if it is of a topic with presence.

        It is told soon who is there, unless the client shows that already: `shown` are
        the digests of the frames that it had.
        """
        topics = [each for each in connection.requested_topics if has_presence(each)]
        if not topics:
            return
        with self._lock:
            for topic in topics:
                self._newcomers[topic][connection] = shown
                if self._viewers[topic].add(connection):
                    self._unwritten.add(topic)
        self._thread.start()
        self._soon.set()

    def leave(self, connection: Connection) -> None:
        """Note that a stream has ended; idempotent."""
        until = self._clock() + LINGER_SECONDS
        with self._lock:
            for topic in connection.requested_topics:
                viewers = self._viewers.get(topic)
                if viewers and viewers.remove(connection, until=until):
                    self._leaving.append((until, topic))

    def stop(self) -> None:
        """Stop the thread; the next stream starts it again."""
        self._thread.stop()

    def _interval(self) -> float:
        if not self._viewers:
            return 0
        return max(self._look_at - self._clock(), PAUSE_SECONDS)

    def _run(self) -> None:
        with patiently():
            try:
                self.update()
            except (LogUnavailable, DatabaseFailure) as error:
                logger.warning("presence=postponed reason=%r", str(error))
                self._look_at = self._clock() + LOOK_SECONDS
        # Others may need the connections that the names were read by.
        release_connections()

    def update(self) -> None:
        """Write what is due, look for changes, and tell the streams.

        Raises LogUnavailable.
        """
        now = self._clock()
        # False also after an error, since it is not known then what Redis has.
        was_complete, self._is_complete = self._is_complete, False
        with self._lock:
            self._forget_left(now)
            newcomers, self._newcomers = self._newcomers, defaultdict(dict)
            rosters = self._rosters(self._unwritten)
            self._unwritten.clear()
        if rosters or now >= self._alive_at or not was_complete:
            self._alive_at = now + ALIVE_SECONDS
            if not (was_complete and self._store.write(self._process, rosters)):
                self._write_all()
        topics = set(newcomers)
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            topics.update(self._changed())
        self._tell(topics, newcomers)
        self._is_complete = True

    def _forget_left(self, now: float) -> None:
        """Take those out of the rosters who left a while ago."""
        while self._leaving and self._leaving[0][0] <= now:
            _, topic = self._leaving.popleft()
            viewers = self._viewers.get(topic)
            if viewers and viewers.forget_left(now):
                self._unwritten.add(topic)
                if viewers.is_empty:
                    del self._viewers[topic]

    def _rosters(self, topics: Iterable[str]) -> dict[str, Roster]:
        nobody = Viewers()
        return {each: self._viewers.get(each, nobody).roster() for each in topics}

    def _write_all(self) -> None:
        with self._lock:
            rosters = self._rosters(self._viewers)
            for viewers in self._viewers.values():
                viewers.forget_told()
        self._store.replace(self._process, rosters)
        # The clock of another Redis may be behind.
        self._moment = 0.0

    def _changed(self) -> list[str]:
        """Return the topics that may have changed since the last look."""
        found = self._store.look(self._moment)
        ended = self._processes - found.processes
        self._processes, self._moment = found.processes, found.moment
        with self._lock:
            # Nobody knows which topics a process had that was killed.
            return [*(self._viewers if ended else self._viewers.keys() & found.topics)]

    def _tell(self, topics: Collection[str], newcomers: Newcomers) -> None:
        if not topics:
            return
        with site_language():
            found = present_on(topics)
        for topic in topics:
            batch, digest = _batch(topic, found[topic])
            with self._lock:
                if topic not in self._viewers:
                    continue
                told = self._viewers[topic].take_untold(digest, newcomers.get(topic))
            for connection in self._time_slicer.iterate(told):
                connection.send(batch)


def _batch(topic: str, found: Present) -> tuple[Batch, str]:
    """Return a frame as a batch, and its digest."""
    people = [actor.wire() for actor in found.people]
    digest = frames.presence_digest(people, found.count)
    frame = frames.presence(topic, people=people, count=found.count, digest=digest)
    return Batch([frame]), digest


@cache
def shared_presence() -> PresenceReporter:
    """Return the presence of this process."""
    return PresenceReporter(shared_log())
