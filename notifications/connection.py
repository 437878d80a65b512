"""A connection: one subscriber, what it follows, and its bounded buffer.

The hub pushes frames in; whoever writes to the client takes them out. No HTTP here,
and no Redis.
"""

import enum
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from notifications.cursor import Cursor
from notifications.entries import EndEntry
from notifications.frames import Frame
from notifications.topics import wildcard

MUTE = "mute"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a stream, and for how long they may.

    `user` is the primary key as text, empty for nobody known. `session` and `login`
    are digests of the session's key and of what its login rests on. `seconds` is how
    long the stream may last.
    """

    user: str = ""
    session: str = ""
    login: str = ""
    seconds: float = float("inf")


@dataclass(frozen=True, slots=True)
class Following:
    """A level, and since when it counts, in milliseconds since 1970."""

    level: str
    since: int = 0


NOBODY = Reader()


class State(enum.Enum):
    """What a connection is in; it never goes back."""

    OPEN = "open"
    CLOSED = "closed"


class Connection:
    """One open stream.

    `follows` says what its reader follows; `asked` are selectors that the stream named
    itself. A connection that has more than `buffer_bytes` waiting is closed, and
    `too_slow` is called, to free who may hang in writing to the client. `clock` is a
    monotonic clock in seconds.
    """

    def __init__(
        self,
        reader: Reader = NOBODY,
        *,
        follows: dict[str, Following] | None = None,
        asked: Iterable[str] = (),
        channels: Iterable[str] = (),
        seen: Cursor | None = None,
        buffer_bytes: int = 65_536,
        too_slow: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.user = reader.user
        self._reader = reader
        self._too_slow = too_slow
        self._clock = clock
        self._ends_at = clock() + reader.seconds
        self.asked = frozenset(asked)
        self.channels = frozenset(channels)
        # The hub changes it, under its lock; replaced, never changed in place.
        self._follows = dict(follows or {})
        # Where in the log the last change of a topic stands.
        self._changed: dict[str, Cursor] = {}
        self._buffer_bytes = buffer_bytes
        # Guarded by the condition: what waits for the client, and what that weighs.
        self._ready = threading.Condition()
        self._buffer: deque[Frame] = deque()
        self._waiting_bytes = 0
        # What was taken last counts until the next time: it is still being written.
        self._taken_bytes = 0
        self._state = State.OPEN
        self.close_reason = ""
        # Frames up to here are known to the client already.
        self.seen = seen

    @property
    def state(self) -> State:
        """Whether the connection still takes frames."""
        return self._state

    @property
    def selectors(self) -> frozenset[str]:
        """The topics and wildcards under which the hub finds this connection."""
        heard = {key for key, each in self._follows.items() if each.level != MUTE}
        return self.asked | heard

    def reached(self, settled: Cursor) -> Cursor:
        """Return how far the client is, when the hub has pushed up to `settled`."""
        return max(settled, self.seen or settled)

    def change_follow(
        self, topic: str, following: Following | None, *, at: Cursor
    ) -> None:
        """Take over that the person follows a topic now, or (None) does not.

        A change that stands in the log before one that was taken over is ignored.
        """
        if at < self._changed.get(topic, at):
            return
        self._changed[topic] = at
        changed = {**self._follows}
        changed.pop(topic, None)
        if following is not None:
            changed[topic] = following
        self._follows = changed

    def wants(self, frame: Frame) -> bool:
        """Tell whether a frame that was routed here live is for this person."""
        if self.user and frame.actor == self.user:
            return False
        if any(self._mutes(topic) for topic in (*frame.topics, *frame.told)):
            return False
        told = frame.told.items()
        return not any(self._hears(topic, by=moment) for topic, moment in told)

    def wants_replayed(self, frame: Frame) -> bool:
        """Tell whether a frame of the past is for this person.

        Following starts from the moment of following: what was appended before it
        is not replayed.
        """
        moment = frame.cursor.milliseconds
        heard = any(self._hears(topic, by=moment) for topic in frame.topics)
        return heard and self.wants(frame)

    def _mutes(self, topic: str) -> bool:
        found = self._follows.get(topic)
        return found is not None and found.level == MUTE

    def _hears(self, topic: str, *, by: int) -> bool:
        if topic in self.asked or wildcard(topic) in self.asked:
            return True
        found = self._follows.get(topic)
        return found is not None and found.level != MUTE and found.since <= by

    def is_ended_by(self, entry: EndEntry) -> bool:
        """Tell whether a person's end of streams is meant for this one."""
        if entry.session:
            return entry.session == self._reader.session
        if entry.login:
            return entry.login != self._reader.login
        return True

    def push(self, frames: Iterable[Frame]) -> None:
        """Add frames for the client; closes the connection when it is too far behind.

        That is, when more than its buffer waited before: what one read of the log
        brings never closes a connection that keeps up. Never blocks. A closed
        connection ignores them.
        """
        with self._ready:
            if self._state is State.CLOSED:
                return
            slow = self._waiting_bytes > self._buffer_bytes
            if slow:
                self._close("slow")
                self._drop()
            else:
                self._add(frames)
        if slow:
            self._too_slow()

    def _add(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if self.seen is None or frame.cursor > self.seen:
                self._buffer.append(frame)
                self._waiting_bytes += len(frame.body)
        self._ready.notify()

    def take(self, *, seconds: float) -> list[Frame]:
        """Return all that waits for the client, waiting up to `seconds` for some.

        An empty list means that nothing came, or that the connection is closed, as it
        is when its time is over.
        """
        left = self._ends_at - self._clock()
        with self._ready:
            self._waiting_bytes -= self._taken_bytes
            self._taken_bytes = 0
            self._ready.wait_for(
                lambda: self._buffer or self._state is State.CLOSED,
                timeout=min(seconds, max(left, 0)),
            )
            if self._clock() >= self._ends_at:
                self._close("expired")
            taken = list(self._buffer)
            self._buffer.clear()
            self._taken_bytes = self._waiting_bytes
            return taken

    def close(self, reason: str, *, drain: bool = False) -> None:
        """Take no more frames, and let whoever waits for them know; idempotent.

        What waits already is dropped, unless it is to be drained; either way the
        client resumes after the last frame that it got.
        """
        with self._ready:
            self._close(reason)
            if not drain:
                self._drop()

    def _close(self, reason: str) -> None:
        if self._state is State.OPEN:
            self._state = State.CLOSED
            self.close_reason = reason
            self._ready.notify_all()

    def _drop(self) -> None:
        self._buffer.clear()
        self._waiting_bytes = self._taken_bytes
