"""The log: a Redis Stream that the write side appends to and the live side reads.

Nothing else in the app imports redis. A process holds three connections at most: one
for short commands, one that waits for entries, one for the pub/sub channels.
"""

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from typing import Any, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from notifications import replies, scripts
from notifications.board import Board
from notifications.breaker import Breaker
from notifications.conf import conf
from notifications.cursor import Cursor
from notifications.entries import Record, StartEntry, encode
from notifications.exceptions import LogGap, LogUnavailable
from notifications.gathering import Gathering
from notifications.lock import Lock
from notifications.memory import Memory

# A page of the past, and what one read of the present brings at most: little enough
# for the buffer of a connection that keeps up.
READ_LIMIT = 500
WAIT_LIMIT = 100
PROBES_KEPT = 1_000
SCAN_COUNT = 1_000
# A time-out is late when it took so many times as long as it should have.
LATE = 1.25
# How long a thread waits while others use the connection for short commands.
TURN_SECONDS = 2.0


class Message(NamedTuple):
    """What came on a pub/sub channel."""

    channel: str
    body: bytes


class Log:
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
        self._url = url
        self._clock = clock
        # One slot of a Redis Cluster, since the scripts touch several keys.
        self._prefix = f"{{{prefix}}}"
        self._stream = f"{self._prefix}:log"
        # For short commands: made when first needed, dropped when it fails. While the
        # breaker is open they fail at once instead of each waiting for a timeout.
        self._turn = threading.Lock()
        self._commands: redis.Redis | None = None
        self._breaker = Breaker(seconds=lambda: conf.REDIS_RETRY_AFTER, clock=clock)
        # Many come back at once, and would wait for each other's turn.
        self._gathering = Gathering(self._run_all)
        # For `wait` alone, which one thread calls.
        self._waiting_client: redis.Redis | None = None
        self._waiting: Any = None
        # Probes have a stream of their own, which takes no room in the log: which are
        # ours, which was read last, and when, by the clock, one of ours was.
        self._probes = f"{self._prefix}:probes"
        self._origin = secrets.token_hex(8)
        self._probed = "0"
        self._heard_at = -math.inf

    def append(self, entries: Sequence[tuple[str, bytes]]) -> list[Cursor]:
        """Append (uid, entry) pairs in one round trip; return their cursors.

        A uid that was appended before is not appended again. Raises LogUnavailable;
        some of the entries may be in the log then, and a repeat is harmless.
        """
        return self._append([(body, (self._uid(uid),)) for uid, body in entries])

    def append_controls(self, entries: Sequence[tuple[str, bytes, str]]) -> None:
        """Append (uid, entry, user) and forget what is remembered of these people.

        As in `append`; each is forgotten at one stroke with the entry. Nobody is
        forgotten for one whose user is empty.
        """
        self._append(
            [
                (body, (self._uid(uid), *([self._person(user)] if user else [])))
                for uid, body, user in entries
            ]
        )

    def memory(self, user: str) -> Memory:
        """Return what is remembered of a person until their next control entry."""
        return Memory(self._gathering.ask, self._person(user))

    def _append(self, items: list[tuple[bytes, tuple[str, ...]]]) -> list[Cursor]:
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            for body, keys in items:
                pipeline.eval(
                    scripts.APPEND, 1 + len(keys), self._stream, *keys, body,
                    conf.LOG_MAX_ENTRIES, conf.REPEAT_WINDOW,
                )  # fmt: skip
            return [replies.cursor(reply) for reply in pipeline.execute()]

    def forget_everybody(self) -> None:
        """Forget what is remembered of people; raises LogUnavailable."""
        with self._command() as client:
            for key in client.scan_iter(self._person("*"), count=SCAN_COUNT):
                client.unlink(key)

    def _run_all(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            return list(pipeline.execute(raise_on_error=False))

    def _uid(self, uid: str) -> str:
        return f"{self._prefix}:uid:{uid}"

    def _person(self, user: str) -> str:
        return f"{self._prefix}:reader:{user}"

    def position(self) -> Cursor:
        """Return the newest cursor, starting the log if there is none yet."""
        with self._command() as client:
            newest: Any = client.xrevrange(self._stream, count=1)
            if newest:
                return replies.cursor(newest[0][0])
            start = encode(StartEntry(uid=secrets.token_hex(8)))
            return replies.cursor(client.eval(scripts.START, 1, self._stream, start))

    def contains(self, cursor: Cursor) -> bool:
        """Tell whether the entry at `cursor` is still in the log."""
        with self._command() as client:
            return bool(client.xrange(self._stream, str(cursor), str(cursor)))

    def cursors(self, uids: Sequence[str]) -> list[Cursor | None]:
        """Return where entries with these uids stand; None for what is not in the log.

        Known for REPEAT_WINDOW seconds. Raises LogUnavailable.
        """
        if not uids:
            return []
        with self._command() as client:
            found: Any = client.mget([self._uid(uid) for uid in uids])
        return [cursor and replies.cursor(cursor) for cursor in found]

    def read(self, after: Cursor, *, until: Cursor) -> Iterator[Record]:
        """Yield the entries after one cursor up to and with another, page by page.

        Raises LogUnavailable, and LogGap when the entry at `after`, or the last one
        of a page, is gone by the time that what follows it is read.
        """
        while after < until:
            with self._command() as client:
                # With the entry at `after` itself, which proves that none is missing.
                page: Any = client.xrange(
                    self._stream, str(after), str(until), count=READ_LIMIT
                )
            records = replies.records_after(after, page)
            yield from records
            if len(records) < READ_LIMIT - 1:
                return
            after = records[-1].cursor

    def wait(self, after: Cursor, *, seconds: float) -> list[Record]:
        """Return the next entries after `after`, waiting up to `seconds` for one.

        `seconds` is at most READ_BLOCK.

        Only one thread of a process calls this. Raises LogUnavailable, also when
        Redis says nothing for longer than the wait, and LogGap when the entry at
        `after` is gone.
        """
        try:
            connection = self._waiting or self._start_waiting()
            # One after the other in Redis, in one round trip. Not by a client, whose
            # care for each command would cost as much as many deliveries.
            streams = (self._stream, self._probes, str(after), self._probed)
            block = int(seconds * 1000)
            commands = [
                ("XREAD", "COUNT", WAIT_LIMIT, "BLOCK", block, "STREAMS", *streams),
                ("XRANGE", self._stream, str(after), str(after)),
            ]
            connection.send_packed_command(connection.pack_commands(commands))
            found, known = connection.read_response(), connection.read_response()
        except (redis.RedisError, OSError) as error:
            self._drop_waiting()
            raise LogUnavailable(str(error)) from error
        pages = replies.pages(found)
        self._hear(pages.get(self._probes, []))
        if not known:
            raise LogGap(after)
        return replies.records(pages.get(self._stream, []))

    def _start_waiting(self) -> Any:
        # Kept, since it closes its connections when it goes.
        self._waiting_client = self._connect(conf.READ_BLOCK + conf.READ_SILENCE)
        self._waiting = self._waiting_client.connection_pool.get_connection()
        # It may be another Redis, where ids are smaller.
        self._probed = "0"
        return self._waiting

    def _hear(self, probes: replies.Page) -> None:
        for reply, fields in probes:
            self._probed = reply.decode()
            if fields.get(b"origin") == self._origin.encode():
                self._heard_at = self._clock()
                # What we append can be read again, so Redis is back for all of us.
                self._breaker.succeeded()

    def exclusive(self, name: str, *, seconds: int) -> Lock:
        """Return a lock of this name, to be renewed before each piece of work.

        It lapses `seconds` after it was renewed, so a holder that dies does not keep
        it.
        """
        return Lock(self._command, f"{self._prefix}:lock:{name}", seconds=seconds)

    def board(self) -> Board:
        """Return where processes say how they are, and what the log is like."""
        return Board(self._command, self._prefix)

    def subscribe(
        self, channels: Sequence[str], *, seconds: float
    ) -> Iterator[Message | None]:
        """Yield what is published on the channels, and None after each quiet time.

        Takes a connection of its own for as long as it runs. Raises LogUnavailable.
        """
        try:
            with (
                closing(self._connect(seconds + conf.READ_SILENCE)) as client,
                redis.client.PubSub(
                    client.connection_pool, ignore_subscribe_messages=True
                ) as pubsub,
            ):
                pubsub.subscribe(*channels)
                while True:
                    found = pubsub.get_message(timeout=seconds)
                    yield found and Message(found["channel"].decode(), found["data"])
        except (redis.RedisError, OSError) as error:
            raise LogUnavailable(str(error)) from error

    def close(self) -> None:
        """Close the connections; the next use opens new ones.

        To be called when no thread waits for entries any more.
        """
        with self._turn:
            _close(self._commands)
            self._commands = None
        self._drop_waiting()

    def probe(self) -> None:
        """Write a probe for `wait` to hear, whatever failed before.

        For a thread that may wait: it finds out when Redis is back, so that no request
        has to. Raises LogUnavailable.
        """
        with self._command(whatever_failed=True) as client:
            client.xadd(self._probes, {"origin": self._origin}, maxlen=PROBES_KEPT)

    @property
    def silence(self) -> float:
        """For how many seconds none of our own probes was heard; infinite if never.

        It grows when writing and reading no longer reach the same Redis.
        """
        return self._clock() - self._heard_at

    @contextmanager
    def _command(self, *, whatever_failed: bool = False) -> Iterator[redis.Redis]:
        """Give the connection for short commands, to one thread at a time."""
        self._check_breaker(whatever_failed)
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise LogUnavailable(f"no turn at Redis within {TURN_SECONDS:g} s")
        began = self._clock()
        try:
            # Again, now that it is our turn: who waited behind a failure fails, too.
            self._check_breaker(whatever_failed)
            if self._commands is None:
                self._commands = self._connect(conf.REDIS_TIMEOUT)
            yield self._commands
            self._breaker.succeeded()
        except (redis.RedisError, OSError) as error:
            if self._is_away(error, seconds=self._clock() - began):
                self._breaker.failed()
            _close(self._commands)
            self._commands = None
            raise LogUnavailable(str(error)) from error
        finally:
            self._turn.release()

    @staticmethod
    def _is_away(error: Exception, *, seconds: float) -> bool:
        """Tell whether it was Redis that failed, after so many seconds.

        An error that it returned is none. Nor is a time-out that came late: then this
        process was busy, and the reply may have been there.
        """
        if isinstance(error, redis.TimeoutError):
            return seconds < LATE * conf.REDIS_TIMEOUT
        return not isinstance(error, redis.ResponseError)

    def _check_breaker(self, whatever_failed: bool) -> None:
        if not (whatever_failed or self._breaker.allows()):
            raise LogUnavailable("Redis failed a moment ago; not tried again yet")

    def _drop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.disconnect()
        self._waiting = self._waiting_client = None

    def _connect(self, timeout: float) -> redis.Redis:
        return redis.Redis.from_url(
            self._url(),
            socket_timeout=timeout,
            socket_connect_timeout=conf.REDIS_TIMEOUT,
            # A connection that Redis closed while idle is opened again, once; what
            # is sent twice by that is either a read or appended once by its uid.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )


@cache
def shared_log() -> Log:
    """Return the log that this process uses everywhere; connects when first used."""
    return Log(lambda: conf.REDIS_URL(), prefix=conf.KEY_PREFIX)


def _close(client: redis.Redis | None) -> None:
    if client is not None:
        client.close()
