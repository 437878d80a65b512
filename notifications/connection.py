"""A connection: one subscriber, who reads it and what it follows.

The hub pushes frames in; its outlet takes them to the client. No HTTP here, and no
Redis.
"""

import enum
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from notifications.counters import shared_counters
from notifications.cursor import Cursor
from notifications.entries import COUNT_LIMIT, EndEntry
from notifications.frames import Batch, Frame
from notifications.outlets import Outlet, Queue
from notifications.topics import EVERYONE, wildcard

MUTE, WATCH = "mute", "watch"
# One for all, since an empty set takes 200 bytes.
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a stream, and for how long they may.

    `user` is the primary key as text, empty for nobody known. `session` and `login`
    are digests of the session's key and of what its login rests on. `seconds` is how
    long the stream may last; `ends` is when the session does, in seconds since 1970.
    """

    user: str = ""
    session: str = ""
    login: str = ""
    seconds: float = float("inf")
    ends: float = float("inf")


@dataclass(frozen=True, slots=True)
class Follows:
    """What a person follows, and what they want to be told of it.

    `heard` says since when, in milliseconds since 1970; `watched` are those of them
    that bring everything. Events of a type that is `quiet` are not told live, unless
    a topic is watched.
    """

    heard: Mapping[str, int]
    muted: frozenset[str] = NONE
    watched: frozenset[str] = NONE
    quiet: frozenset[str] = NONE

    @classmethod
    def of(
        cls, rows: Iterable[tuple[str, str, int]], *, quiet: Iterable[str] = ()
    ) -> "Follows":
        """Return them from rows of topic, level and since when."""
        follows = list(rows)
        return cls(
            {topic: since for topic, level, since in follows if level != MUTE},
            _at(MUTE, follows),
            _at(WATCH, follows),
            frozenset(quiet) or NONE,
        )

    def changed(self, topic: str, level: str, since: int) -> "Follows":
        """Return them with one topic at another level; an empty one is none."""
        heard = {**self.heard}
        heard.pop(topic, None)
        if level and level != MUTE:
            heard[topic] = since
        return Follows(
            heard,
            _with(self.muted, topic, level == MUTE),
            _with(self.watched, topic, level == WATCH),
            self.quiet,
        )

    def with_type(self, event_type: str, *, live: bool) -> "Follows":
        """Return them with events of a type told live, or not."""
        quiet = _with(self.quiet, event_type, not live)
        return Follows(self.heard, self.muted, self.watched, quiet)


def _at(level: str, rows: Iterable[tuple[str, str, int]]) -> frozenset[str]:
    return frozenset(topic for topic, its, _ in rows if its == level) or NONE


def _with(names: frozenset[str], name: str, wanted: bool) -> frozenset[str]:
    return (names | {name} if wanted else names - {name}) or NONE


NOBODY = Reader()
NOTHING = Follows({})


class State(enum.Enum):
    """What a connection is in; it never goes back."""

    OPEN = "open"
    CLOSED = "closed"


class Connection:
    """One open stream.

    `follows` says what its reader follows; `asked` are selectors that the stream named
    itself; `unseen` is how much the client's bell says. `clock` is a monotonic clock in
    seconds.
    """

    # There are tens of thousands of them.
    __slots__ = (
        "_changed", "_clock", "_ends_at", "asked", "channels", "close_reason",
        "follows", "login", "outlet", "seen", "session", "state", "unseen", "user",
    )  # fmt: skip

    def __init__(
        self,
        reader: Reader = NOBODY,
        outlet: Outlet | None = None,
        *,
        follows: Follows = NOTHING,
        asked: Iterable[str] = (),
        channels: Iterable[str] = (),
        unseen: int | None = None,
        seen: Cursor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.user = reader.user
        self.session = reader.session
        self.login = reader.login
        self._clock = clock
        self._ends_at = clock() + reader.seconds
        self.asked = frozenset(asked) or NONE
        self.channels = frozenset(channels) or NONE
        # The hub changes it, under its lock; replaced, never changed in place.
        self.follows = follows
        # Where in the log the last change of a topic or of a type of events stands.
        self._changed: dict[str, Cursor] | None = None
        # Another one when the socket is taken over, and again when its link has ended.
        self.outlet: Outlet = outlet or Queue()
        self.state = State.OPEN
        self.close_reason = ""
        # Frames up to here are known to the client already.
        self.seen = seen
        # How many events that its reader was told of they have not seen, as the
        # client shows it; None where nobody shows it. The hub counts on.
        self.unseen = unseen

    @property
    def seconds_left(self) -> float:
        """How long the stream may still last; 0 when its time is over."""
        return max(self._ends_at - self._clock(), 0)

    @property
    def selectors(self) -> Iterable[str]:
        """The topics and wildcards under which the hub finds this connection."""
        selectors = self.follows.heard.keys() | self.asked
        if self.user:
            selectors.add(EVERYONE)
        return selectors

    def reached(self, settled: Cursor) -> Cursor:
        """Return how far the client is, when the hub has pushed up to `settled`."""
        return max(settled, self.seen or settled)

    def change_follow(self, topic: str, level: str, since: int, *, at: Cursor) -> None:
        """Take over that the person follows a topic now; at no level, that they stop.

        A change that stands in the log before one that was taken over is ignored.
        """
        if self._is_newest(topic, at):
            self.follows = self.follows.changed(topic, level, since)

    def change_preference(self, event_type: str, *, live: bool, at: Cursor) -> None:
        """Take over whether the person is told live of a type of events; as above."""
        if self._is_newest(event_type, at):
            self.follows = self.follows.with_type(event_type, live=live)

    def _is_newest(self, name: str, at: Cursor) -> bool:
        """Note a change of a topic or a type, unless a newer one was taken over."""
        if self._changed is None:
            self._changed = {}
        if at < self._changed.get(name, at):
            return False
        self._changed[name] = at
        return True

    def wants(self, frame: Frame) -> bool:
        """Tell whether a frame that this stream hears of is for this person.

        Live ones are left out by the same rule, without asking each: see `Routes`.
        """
        if frame.actor and frame.actor == self.user:
            return False
        if self.follows.muted and self._mutes(frame):
            return False
        if self.is_quiet_about(frame):
            return False
        return not (frame.told and self.was_told(frame))

    def wants_replayed(self, frame: Frame) -> bool:
        """Tell whether a frame of the past is for this person.

        Following starts from the moment of following: what was appended before it
        is not replayed.
        """
        moment = frame.cursor.milliseconds
        # A loop, since thousands may come back at once for hundreds of frames each.
        for topic in frame.topics:
            if self._hears(topic, by=moment):
                return self.wants(frame) and not self._was_quiet_about(frame)
        return False

    def _was_quiet_about(self, frame: Frame) -> bool:
        """Tell whether preferences kept away what only later watches bring."""
        follows = self.follows
        if frame.type not in follows.quiet or self._asks(frame):
            return False
        moment = frame.cursor.milliseconds
        watched = follows.watched.intersection(frame.topics)
        return all(follows.heard[topic] > moment for topic in watched)

    def is_quiet_about(self, frame: Frame) -> bool:
        """Tell whether its reader's preferences keep a frame from this stream.

        Not what the page itself asks for, nor what they watch.
        """
        follows = self.follows
        if frame.type not in follows.quiet or self._asks(frame):
            return False
        return follows.watched.isdisjoint(frame.topics)

    def _asks(self, frame: Frame) -> bool:
        asked = self.asked
        return bool(asked) and any(
            topic in asked or wildcard(topic) in asked for topic in frame.topics
        )

    def rings(self, frame: Frame) -> bool:
        """Tell whether the bell counts a frame that this stream is sent.

        It does not count what only the page asks for.
        """
        follows = self.follows
        if self.seen is not None and frame.cursor <= self.seen:
            return False
        if frame.type in follows.quiet:
            return not follows.watched.isdisjoint(frame.topics)
        heard = not follows.heard.keys().isdisjoint(frame.topics)
        return heard or EVERYONE in frame.topics

    def count(self, frames: Sequence[Frame]) -> bool:
        """Count these frames of the log on; tell whether the bell says more now."""
        if self.unseen is None:
            return False
        if self.seen is None and not self.asked and not self.follows.quiet:
            # It is sent nothing else. Thousands may be sent a hundred at once.
            more = len(frames)
        else:
            more = sum(map(self.rings, frames))
        if not more:
            return False
        self.unseen = min(self.unseen + more, COUNT_LIMIT)
        return True

    def _mutes(self, frame: Frame) -> bool:
        return not self.follows.muted.isdisjoint((*frame.topics, *frame.told))

    def was_told(self, frame: Frame) -> bool:
        """Tell whether this person heard of the same by an earlier event."""
        return any(self._hears(topic, by=time) for topic, time in frame.told.items())

    def _hears(self, topic: str, *, by: int) -> bool:
        if self.asked and (topic in self.asked or wildcard(topic) in self.asked):
            return True
        if topic == EVERYONE:
            return bool(self.user)
        since = self.follows.heard.get(topic)
        return since is not None and since <= by

    def is_ended_by(self, entry: EndEntry) -> bool:
        """Tell whether a person's end of streams is meant for this one."""
        if entry.session:
            return entry.session == self.session
        if entry.login:
            return entry.login != self.login
        return True

    def push(self, batch: Batch) -> None:
        """Send frames of the log to the client, those that it has not seen."""
        if self.seen is not None:
            batch = self._unseen(batch, self.seen)
        # As in `send`, without one more call for each delivery.
        if not self.outlet.push(batch):
            self._give_up()

    def send(self, batch: Batch) -> None:
        """Send frames to the client; never blocks.

        One that is too far behind is closed instead: it comes back by its cursor. A
        closed connection ignores them.
        """
        if not self.outlet.push(batch):
            self._give_up()

    def _give_up(self) -> None:
        if self.state is State.OPEN:
            shared_counters().closed_slow()
        self.close("slow")
        self.outlet.abort()

    def _unseen(self, batch: Batch, seen: Cursor) -> Batch:
        later = batch.after(seen)
        if later.frames:
            # Whatever comes from now on is later, too.
            self.seen = None
        return later

    def close(self, reason: str, *, drain: bool = False) -> None:
        """Take no more frames, and let the client know; idempotent.

        What waits already is dropped, unless it is to be drained; either way the
        client resumes after the last frame that it got.
        """
        if self.state is State.OPEN:
            self.state = State.CLOSED
            self.close_reason = reason
        self.outlet.close(self.close_reason, drain=drain)

    def hang_up(self) -> None:
        """Close it, and end the link to a client that is gone."""
        self.close("gone")
        self.outlet.abort()

    def missed(self, frames: Iterable[Frame]) -> Batch:
        """Return those frames of the past that are for this person."""
        return Batch([frame for frame in frames if self.wants_replayed(frame)])
