"""The log: a Redis Stream that the write side appends to and the live side reads.

Nothing else in the app imports redis. A process holds three connections at most: one
for short commands, one that waits for entries, one for the pub/sub channels.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from notifications.conf import conf
from notifications.cursor import Cursor
from notifications.entries import Record, StartEntry, encode
from notifications.exceptions import LogGap, LogUnavailable

logger = logging.getLogger(__name__)

# Appends once by uid. A repeat returns the cursor of the first time.
# KEYS: the stream, the uid's key. ARGV: the entry, entries kept, seconds remembered.
_APPEND = """
local known = redis.call('GET', KEYS[2])
if known then return known end
local cursor = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
redis.call('SET', KEYS[2], cursor, 'EX', ARGV[3])
return cursor
"""

# KEYS: the stream. ARGV: the entry that a new log starts with.
_START = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('XADD', KEYS[1], '*', 'e', ARGV[1])
end
return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]
"""

# KEYS: the lock. ARGV: the token of who holds it.
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

READ_LIMIT = 500
# How long a thread waits while others use the connection for short commands.
TURN_SECONDS = 2.0
# How long past its own block a read may stay silent before the link counts as gone.
SILENCE_SECONDS = 5.0


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
        # For short commands: made when first needed, dropped when it fails. Until
        # `retry_at` they fail at once instead of each waiting for a timeout.
        self._turn = threading.Lock()
        self._commands: redis.Redis | None = None
        self._retry_at = 0.0
        # For `wait` alone, which one thread calls.
        self._waiting: redis.Redis | None = None

    def append(self, entries: Sequence[tuple[str, bytes]]) -> list[Cursor]:
        """Append (uid, entry) pairs in one round trip; return their cursors.

        A uid that was appended before is not appended again. Raises LogUnavailable;
        some of the entries may be in the log then, and a repeat is harmless.
        """
        with self._command() as client, client.pipeline(transaction=False) as pipeline:
            for uid, body in entries:
                key = f"{self._prefix}:uid:{uid}"
                pipeline.eval(
                    _APPEND, 2, self._stream, key, body,
                    conf.LOG_MAX_ENTRIES, conf.REPEAT_WINDOW,
                )  # fmt: skip
            return [_cursor(reply) for reply in pipeline.execute()]

    def position(self) -> Cursor:
        """Return the newest cursor, starting the log if there is none yet."""
        with self._command() as client:
            newest: Any = client.xrevrange(self._stream, count=1)
            if newest:
                return _cursor(newest[0][0])
            start = encode(StartEntry(uid=secrets.token_hex(8)))
            return _cursor(client.eval(_START, 1, self._stream, start))

    def contains(self, cursor: Cursor) -> bool:
        """Tell whether the entry at `cursor` is still in the log."""
        with self._command() as client:
            return bool(client.xrange(self._stream, str(cursor), str(cursor)))

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
            records = _after(after, page)
            yield from records
            if len(records) < READ_LIMIT - 1:
                return
            after = records[-1].cursor

    def wait(self, after: Cursor, *, seconds: float) -> list[Record]:
        """Return the next entries after `after`, waiting up to `seconds` for one.

        Only one thread of a process calls this. Raises LogUnavailable, also when
        Redis says nothing for longer than the wait, and LogGap when the entry at
        `after` is gone.
        """
        try:
            if self._waiting is None:
                self._waiting = self._connect(seconds + SILENCE_SECONDS)
            client = self._waiting
            found: Any = client.xread(
                {self._stream: str(after)}, count=READ_LIMIT, block=int(seconds * 1000)
            )
            known: Any = client.xrange(self._stream, str(after), str(after))
        except (redis.RedisError, OSError) as error:
            self._drop_waiting()
            raise LogUnavailable(str(error)) from error
        if not known:
            raise LogGap(after)
        return _records(found[0][1]) if found else []

    @contextmanager
    def exclusive(self, name: str, *, seconds: int) -> Iterator[bool]:
        """Hold a lock of this name, or learn (False) that another process has it.

        It lapses after `seconds`, so a holder that dies does not keep it.
        """
        key, token = f"{self._prefix}:lock:{name}", secrets.token_hex(8)
        with self._command() as client:
            held = bool(client.set(key, token, nx=True, ex=seconds))
        try:
            yield held
        finally:
            if held:
                with self._command() as client:
                    client.eval(_RELEASE, 1, key, token)

    def subscribe(
        self, channels: Sequence[str], *, seconds: float
    ) -> Iterator[Message | None]:
        """Yield what is published on the channels, and None after each quiet time.

        Takes a connection of its own for as long as it runs. Raises LogUnavailable.
        """
        client = None
        try:
            client = self._connect(seconds + SILENCE_SECONDS)
            with redis.client.PubSub(
                client.connection_pool, ignore_subscribe_messages=True
            ) as pubsub:
                pubsub.subscribe(*channels)
                while True:
                    found = pubsub.get_message(timeout=seconds)
                    yield _message(found) if found else None
        except (redis.RedisError, OSError) as error:
            raise LogUnavailable(str(error)) from error
        finally:
            if client is not None:
                client.close()

    def close(self) -> None:
        """Close the connections; the next use opens new ones.

        To be called when no thread waits for entries any more.
        """
        with self._turn:
            _close(self._commands)
            self._commands = None
        self._drop_waiting()

    @contextmanager
    def _command(self) -> Iterator[redis.Redis]:
        """Give the connection for short commands, to one thread at a time."""
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise LogUnavailable(f"no turn at Redis within {TURN_SECONDS:g} s")
        try:
            # Asked when it is our turn: who waited behind a failure fails at once.
            if self._clock() < self._retry_at:
                raise LogUnavailable("Redis failed a moment ago; not tried again yet")
            if self._commands is None:
                self._commands = self._connect(conf.REDIS_TIMEOUT)
            yield self._commands
        except (redis.RedisError, OSError) as error:
            self._retry_at = self._clock() + conf.REDIS_RETRY_AFTER
            _close(self._commands)
            self._commands = None
            raise LogUnavailable(str(error)) from error
        finally:
            self._turn.release()

    def _drop_waiting(self) -> None:
        _close(self._waiting)
        self._waiting = None

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


def _cursor(reply: Any) -> Cursor:
    return Cursor.parse(reply.decode())


def _records(page: Any) -> list[Record]:
    return [Record(_cursor(reply), fields.get(b"e", b"")) for reply, fields in page]


def _after(after: Cursor, page: Any) -> list[Record]:
    """Return the page without the entry at `after`, which has to be its first."""
    records = _records(page)
    if not records or records[0].cursor != after:
        raise LogGap(after)
    return records[1:]


def _message(found: dict[str, Any]) -> Message:
    return Message(found["channel"].decode(), found["data"])
