"""Routing: which connections a frame of the log is for. Guarded by the hub's lock."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from notifications.live.connection import Connection
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import FollowEntry, PreferenceEntry
from notifications.protocol.frames import Batch, Frame, UnseenCount
from notifications.protocol.topics import wildcard

# In the order of their arrival, in which they also are in memory: this is faster.
Members = dict[Connection, None]
# An unseen count, and the rows of the events that changed it.
Counted = tuple[int | None, tuple[str, ...]]


class FanOut(NamedTuple):
    """A batch, and the connections that are all sent it."""

    batch: Batch
    connections: list[Connection]


class RoutingTable:
    """Finds connections by the topics that they follow and by their person.

    The cost depends on how many connections are found, not on how many there are.
    """

    def __init__(self) -> None:
        self._all: Members = {}
        self._following: dict[str, Members] = {}
        self._muting: dict[str, Members] = {}
        # By event type: connections that are not sent all of its events.
        self._not_live: dict[str, Members] = {}
        # Connections whose client shows an unseen count.
        self._bells: Members = {}
        # By person, who has few of them. Anonymous connections are not in it.
        self._people: dict[str, tuple[Connection, ...]] = {}
        # When the newest follow began. A connection may be added with it before the
        # events from before it are read.
        self._newest_follow = 0

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._all)

    def add(self, connection: Connection) -> None:
        """Route frames to this connection from now on."""
        self._all[connection] = None
        if connection.unseen_count is not None:
            self._bells[connection] = None
        if connection.user:
            self._people[connection.user] = (*self.of(connection.user), connection)
        follows = connection.subscriptions.followed_since.values()
        self._newest_follow = max([self._newest_follow, *follows])
        self._index(connection)

    def remove(self, connection: Connection) -> None:
        """Route no more frames to it; idempotent."""
        if connection not in self._all:
            return
        del self._all[connection]
        self._bells.pop(connection, None)
        self._unindex(connection)
        others = tuple(c for c in self.of(connection.user) if c is not connection)
        if others:
            self._people[connection.user] = others
        else:
            self._people.pop(connection.user, None)

    def of(self, user: str) -> tuple[Connection, ...]:
        """Return the connections of a person."""
        return self._people.get(user, ())

    def receiving(self, topic: str) -> list[Connection]:
        """Return the connections that follow a topic, or requested it or its kind."""
        return list(self._members(self.audience([topic])))

    def change(
        self,
        connection: Connection,
        entry: FollowEntry | PreferenceEntry,
        cursor: Cursor,
    ) -> None:
        """Apply a change of follows or preferences; `cursor` is that of the entry."""
        known = connection in self._all
        if known:
            self._unindex(connection)
        if isinstance(entry, FollowEntry):
            self._newest_follow = max(self._newest_follow, entry.since)
            connection.change_follow(
                entry.topic,
                entry.level,
                entry.since,
                at=cursor,
                muted_for=entry.muted_for,
            )
        else:
            connection.change_preference(entry.type, live=entry.live, at=cursor)
        if known:
            self._index(connection)

    def _index(self, connection: Connection) -> None:
        for selector in connection.selectors:
            self._following.setdefault(selector, {})[connection] = None
        for topic in connection.subscriptions.ever_muted:
            self._muting.setdefault(topic, {})[connection] = None
        for event_type in connection.subscriptions.not_live:
            self._not_live.setdefault(event_type, {})[connection] = None

    def _unindex(self, connection: Connection) -> None:
        for selector in connection.selectors:
            _discard(self._following, selector, connection)
        for topic in connection.subscriptions.ever_muted:
            _discard(self._muting, topic, connection)
        for event_type in connection.subscriptions.not_live:
            _discard(self._not_live, event_type, connection)

    def audience(self, topics: Iterable[str]) -> tuple[str, ...]:
        """Return the selectors that match these topics and have connections."""
        keys = {*topics, *map(wildcard, topics)}
        return tuple(sorted(key for key in keys if key in self._following))

    def audience_size(self, audience: tuple[str, ...]) -> int:
        """Return an upper bound of how many connections an audience has."""
        return sum(len(self._following[key]) for key in audience)

    def fan_outs(self, frames: Sequence[Frame]) -> list[FanOut]:
        """Return which frames are for which connections, grouped by equal batches."""
        # By audience: the frames for it, one bit for each.
        groups: defaultdict[tuple[str, ...], int] = defaultdict(int)
        # By connection: frames that are for its audience but not for it.
        excluded: defaultdict[Connection, int] = defaultdict(int)
        for number, frame in enumerate(frames):
            groups[self.audience(frame.topics)] |= 1 << number
            for connection in self._excluded(frame):
                excluded[connection] |= 1 << number
        groups.pop((), None)
        # By frames, as bits: the connections that get exactly these.
        by_bits: defaultdict[int, list[Connection]] = defaultdict(list)
        if len(groups) == 1:
            # The usual case: all members get the same, except for a few.
            [(audience, bits)] = groups.items()
            members = self._members(audience)
            by_bits[bits] = [each for each in members if each not in excluded]
            wanted = {each: bits for each in excluded if each in members}
        else:
            wanted = self._wanted(groups)
        for connection, bits in wanted.items():
            by_bits[bits & ~excluded.get(connection, 0)].append(connection)
        by_bits.pop(0, None)
        return [
            FanOut(_batch(frames, bits), found)
            for bits, found in by_bits.items()
            if found
        ]

    def add_unseen_counts(self, fan_outs: Iterable[FanOut]) -> list[FanOut]:
        """Count the frames at the bells of the connections that are sent them.

        Returns the fan-outs, split where a new unseen count goes with the frames. A
        retraction is the only frame of its batch.
        """
        if not self._bells:
            return list(fan_outs)
        return [part for each in fan_outs for part in self._count(*each)]

    def _count(
        self, batch: Batch, connections: Iterable[Connection]
    ) -> Iterator[FanOut]:
        unchanged: list[Connection] = []
        by_count: defaultdict[Counted, list[Connection]] = defaultdict(list)
        last = batch.frames[-1]
        retracts = last.retracts is not None
        counted = [each for each in batch.frames if not each.live_only]
        all_rows = _rows(counted)
        for each in connections:
            changed: Sequence[Frame] = ()
            if each in self._bells and retracts:
                changed = counted if each.uncount(last) else ()
            elif each in self._bells:
                changed = each.count(counted)
            if changed:
                rows = all_rows if changed is counted else _rows(changed)
                by_count[each.unseen_count, rows].append(each)
            else:
                unchanged.append(each)
        if unchanged:
            yield FanOut(batch, unchanged)
        for (unseen, rows), found in by_count.items():
            count = _count_frame(unseen, rows, last.cursor, retracts=retracts)
            yield FanOut(Batch([*batch.frames, count]), found)

    def _wanted(self, groups: dict[tuple[str, ...], int]) -> dict[Connection, int]:
        wanted: dict[Connection, int] = {}
        for audience, bits in groups.items():
            for connection in self._members(audience):
                wanted[connection] = wanted.get(connection, 0) | bits
        return wanted

    def _members(self, audience: tuple[str, ...]) -> Members:
        if len(audience) == 1:
            return self._following[audience[0]]
        return dict.fromkeys(
            chain.from_iterable(self._following[key] for key in audience)
        )

    def _excluded(self, frame: Frame) -> Iterator[Connection]:
        """Yield connections that follow a topic of the frame but are not sent it."""
        if frame.retracts is not None or frame.sent_at < self._newest_follow:
            members = self._members(self.audience(frame.topics))
            yield from (each for each in members if not each.wants_replayed(frame))
            return
        yield from self.of(frame.actor)
        if self._muting:
            for topic in (*frame.topics, *frame.already_told):
                muting = self._muting.get(topic, ())
                yield from (each for each in muting if each.mutes(frame))
        if frame.already_told:
            audience = self.audience(frame.already_told)
            following = chain.from_iterable(self._following[key] for key in audience)
            yield from (each for each in following if each.was_already_told(frame))
        for each in self._not_live.get(frame.type, ()):
            if each.suppresses_live(frame):
                yield each


def _rows(counted: Iterable[Frame]) -> tuple[str, ...]:
    return tuple([each.row for each in counted])


def _count_frame(
    unseen: int | None, rows: tuple[str, ...], cursor: Cursor, *, retracts: bool
) -> Frame:
    if unseen is None:
        return frames.unknown_count(cursor)
    if retracts:
        return frames.count(UnseenCount(unseen, less=rows), cursor)
    return frames.count(UnseenCount(unseen, more=rows), cursor)


def _batch(frames: Sequence[Frame], bits: int) -> Batch:
    return Batch(frame for n, frame in enumerate(frames) if bits >> n & 1)


def _discard(index: dict[str, Members], key: str, connection: Connection) -> None:
    found = index.get(key, {})
    found.pop(connection, None)
    if not found:
        index.pop(key, None)
