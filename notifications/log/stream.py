"""The log: a Redis Stream that the write side appends to and the live side reads.

A process holds at most six connections, and one more while it looks for a replica, so
that none of these waits for another: appends and other short commands; the same in
threads that no request waits for; what clients need that reconnect; replays; waiting
for entries, also of a replica; and pub/sub channels.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from notifications.conf import conf
from notifications.lib.batcher import Batcher
from notifications.log import replies
from notifications.log.append_entries import append_entries, start_log
from notifications.log.blocking_reader import BlockingReader
from notifications.log.channels import Message, subscribe
from notifications.log.connections import Connections
from notifications.log.count_entries import append_counts
from notifications.log.lock import Lock
from notifications.log.log_reader import LogReader
from notifications.log.presence import PresenceStore
from notifications.log.process_registry import ProcessRegistry
from notifications.log.recent_entries import RecentEntries
from notifications.log.recovery import RecentControls, Recovery, Request
from notifications.log.retractions import Retractions
from notifications.log.rights import Rights
from notifications.log.session_store import SessionStore, load_command
from notifications.log.stream_counts import StreamCounts
from notifications.log.subscriber_store import SubscriberStore
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EVERY_USER, Record

# How many keys Redis looks at in each step of a scan.
SCAN_COUNT = 1_000


class Log(LogReader):
    """The log in one Redis; safe to share between threads.

    `url` is called for each new connection and returns where Redis is; it may raise
    OSError. `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        url: Callable[[], str],
        *,
        prefix: str = "notifications",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # The braces keep all keys in one slot of a Cluster: scripts touch several.
        self._prefix = f"{{{prefix}}}"
        self._stream = f"{self._prefix}:log"
        self._connections = Connections(url, key=self._stream, clock=clock)
        self._command = self._connections.command
        super().__init__(self._connections.replays, self._stream)
        # The lookups of many clients share round trips.
        self._batcher = Batcher(self._connections.reconnects.run_all)
        self.reader = BlockingReader(
            self._connections.appends,
            self._prefix,
            command=self._command,
            clock=clock,
        )
        self._recent_controls = RecentControls(clock=clock)
        self._repair_request = Request()
        self.rights = Rights(self._connections.patient, self._prefix)

    def append(self, entries: Sequence[tuple[str, bytes]]) -> list[Cursor]:
        """Append (uid, entry) pairs in one round trip and return their cursors.

        An entry whose uid was appended before is not appended again. Raises
        LogUnavailable; some of the entries may be in the log then, and a repeat is
        harmless.
        """
        return self._append([(body, (self._uid(uid),)) for uid, body in entries])

    def append_controls(self, entries: Sequence[tuple[str, bytes, str]]) -> None:
        """Append (uid, entry, user) triples as `append` does.

        What the session store holds of each user, or of EVERY_USER, is stale from then
        on; an empty user changes nothing there.
        """
        items = [
            (body, (self._uid(uid), *([self._sessions(user)] if user else [])))
            for uid, body, user in entries
        ]
        self._recent_controls.note(items, self._append(items))

    def append_counts(
        self, counts: Sequence[tuple[str, bytes]], *, counted_at: Cursor
    ) -> list[bool]:
        """Append the unseen counts of people; tell of each whether it was appended.

        `counts` are (user, entry) pairs. One is not appended if another count of the
        person was appended after `counted_at`, the newest cursor from before they were
        counted. Raises LogUnavailable.
        """
        keyed = [(f"{self._prefix}:count:{user}", body) for user, body in counts]
        with self._command() as client:
            return append_counts(client, self._stream, keyed, counted_at=counted_at)

    def session_store(self, user: str) -> SessionStore:
        """Return the cached sessions of a person."""
        everyone = self._sessions(EVERY_USER)
        return SessionStore(self._batcher.request, self._sessions(user), everyone)

    def load_sessions(self, wanted: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """Return the texts of cached sessions, given by (user, session), in one trip.

        None stands for a session that is not cached. Raises LogUnavailable.
        """
        everyone = self._sessions(EVERY_USER)
        commands = [
            load_command(self._sessions(user), everyone, session)
            for user, session in wanted
        ]
        replies = self._connections.reconnects.run_all(commands)
        # Redis may refuse one of the commands.
        return [None if isinstance(each, Exception) else each for each in replies]

    def stream_counts(self) -> StreamCounts:
        """Return the counts of the streams of all processes."""
        return StreamCounts(self._batcher.request, self._prefix)

    def check_breaker(self) -> None:
        """Raise LogUnavailable if Redis failed a moment ago; does not ask Redis."""
        self._connections.appends.check_breaker()

    def _append(self, items: Sequence[tuple[bytes, tuple[str, ...]]]) -> list[Cursor]:
        with self._command() as client:
            return append_entries(client, self._stream, items)

    def clear_session_stores(self) -> None:
        """Delete the cached sessions of everyone; raises LogUnavailable."""
        with self._command() as client:
            for key in client.scan_iter(self._sessions("*"), count=SCAN_COUNT):
                client.unlink(key)

    def retractions(self) -> Retractions:
        """Return which entries of the log are retracted."""
        return Retractions(
            self._command, self._prefix, uid_key=self._uid, read=self.replays.command
        )

    def recovery(self) -> Recovery:
        """Return what finds out and repairs what Redis has lost."""
        return Recovery(
            self._command,
            self._stream,
            request=self._repair_request,
            uid_key=self._uid,
            controls=self._recent_controls,
            retractions=self.retractions(),
        )

    def _uid(self, uid: str) -> str:
        return f"{self._prefix}:uid:{uid}"

    def _sessions(self, user: str) -> str:
        return f"{self._prefix}:reader:{user}"

    def position(self) -> Cursor:
        """Return the newest cursor, starting the log if it is empty.

        Raises LogUnavailable.
        """
        with self._command() as client:
            newest: Any = client.xrevrange(self._stream, count=1)
            if newest:
                return replies.cursor(newest[0][0])
            return start_log(client, self._stream)

    def oldest(self) -> Cursor:
        """Return the cursor of the oldest entry, starting the log if it is empty.

        Raises LogUnavailable.
        """
        with self._command() as client:
            first: Any = client.xrange(self._stream, count=1)
            if first:
                return replies.cursor(first[0][0])
            return start_log(client, self._stream)

    def name(self, uid: str, cursor: Cursor) -> None:
        """Let `cursors` find an entry by another uid, unless it names one already.

        The name lasts for DEDUPLICATION_WINDOW seconds. Raises LogUnavailable.
        """
        with self._command() as client:
            client.set(
                self._uid(uid), str(cursor), nx=True, ex=conf.DEDUPLICATION_WINDOW
            )

    def cursors(self, uids: Sequence[str]) -> list[Cursor | None]:
        """Return the cursors of the entries with these uids, None for the others.

        A uid is known for DEDUPLICATION_WINDOW seconds. Raises LogUnavailable.
        """
        if not uids:
            return []
        with self._command() as client:
            found: Any = client.mget([self._uid(uid) for uid in uids])
        return [cursor and replies.cursor(cursor) for cursor in found]

    def wait(self, after: Cursor, *, seconds: float) -> list[Record]:
        """Return the next entries after `after`, waiting up to `seconds` for one.

        `seconds` is at most LOG_READ_TIMEOUT. Only one thread of a process calls
        this. Raises LogUnavailable, also when Redis stays silent for longer than the
        wait, and LogGap if the entry at `after` is no longer in the log.
        """
        return self.reader.wait(after, seconds=seconds)

    @property
    def read_failure(self) -> str:
        """Why the last `wait` failed; empty if it did not."""
        return self.reader.failure

    def exclusive(self, name: str, *, seconds: int) -> Lock:
        """Return a lock of this name, to be renewed before each piece of work.

        It expires `seconds` after it was renewed, so that a holder that dies does not
        keep it.
        """
        return Lock(self._command, f"{self._prefix}:lock:{name}", seconds=seconds)

    def process_registry(self) -> ProcessRegistry:
        """Return the registry in which processes report their state."""
        return ProcessRegistry(self._command, self._prefix)

    def presence_store(self) -> PresenceStore:
        """Return who is present on topics."""
        return PresenceStore(self._command, self._prefix)

    def subscriber_store(self) -> SubscriberStore:
        """Return the active subscriptions of Mercure."""
        return SubscriberStore(self._command, self._prefix)

    def recent_entries(self) -> RecentEntries:
        """Return where the newest entries of topics are."""
        return RecentEntries(self._command, self._prefix, log=self)

    def subscribe(
        self, channels: Sequence[str], *, seconds: float
    ) -> Iterator[Message | None]:
        """Yield the messages on the channels, and None after `seconds` without one.

        Holds a connection of its own while it runs. Raises LogUnavailable.
        """
        return subscribe(self._connections.appends, channels, seconds=seconds)

    def close(self) -> None:
        """Close the connections; the next use opens new ones.

        Call it only when no thread waits for entries any more.
        """
        self._connections.close()
        self.reader.close()

    def probe(self) -> None:
        """Write a probe for `wait` to read, even while the breaker is open.

        A background thread calls it and finds out when Redis is back, so that no
        request has to. Raises LogUnavailable.
        """
        self.reader.probe()
        self._connections.close_breakers()

    def confirm(self, *, seconds: float) -> bool:
        """Write a probe; tell whether `wait` reads one in another thread in time.

        `seconds` is how long that may take. Raises LogUnavailable. Redis may take as
        long as for clients that reconnect: a reply that is late is no failure here.
        """
        return self.reader.confirm(self._connections.reconnects, seconds=seconds)

    @property
    def probe_timeout(self) -> float:
        """After how many seconds without a probe reads and writes count as cut off.

        It is 0 without a sweep, which writes probes regularly.
        """
        return self.reader.probe_timeout

    @property
    def seconds_since_probe(self) -> float:
        """How old the newest of its own probes is that this process has read.

        It grows when writes and reads no longer reach the same Redis.
        """
        return self.reader.probes.age_of_newest


@cache
def shared_log() -> Log:
    """Return the log that this process uses everywhere; it connects when first used."""
    return Log(lambda: conf.REDIS_URL(), prefix=conf.KEY_PREFIX)
