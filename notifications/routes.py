"""Routes: which connections an entry of the log is for. Guarded by the hub's lock."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from notifications import frames as frame_of
from notifications.connection import Connection
from notifications.cursor import Cursor
from notifications.entries import FollowEntry, PreferenceEntry
from notifications.frames import Batch, Frame
from notifications.topics import wildcard

# In the order in which they came: as their sockets lie in memory, which is faster.
Members = dict[Connection, None]
# Connections that are sent the same.
Share = tuple[Batch, list[Connection]]


class Routes:
    """Finds connections by the topics they hear and by the person who reads them.

    What it costs grows with the connections that are found, not with all there are.
    """

    def __init__(self) -> None:
        self._all: Members = {}
        self._hearing: dict[str, Members] = {}
        self._muting: dict[str, Members] = {}
        # By type of events: those that are not told live of all of them.
        self._quiet: dict[str, Members] = {}
        # Those whose client shows a number.
        self._bells: Members = {}
        # A person has few; nobody has those whose reader is not known.
        self._people: dict[str, tuple[Connection, ...]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._all)

    def add(self, connection: Connection) -> None:
        """Find this connection from now on."""
        self._all[connection] = None
        if connection.unseen is not None:
            self._bells[connection] = None
        if connection.user:
            self._people[connection.user] = (*self.of(connection.user), connection)
        self._index(connection)

    def remove(self, connection: Connection) -> None:
        """Find it no longer; idempotent."""
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

    def change(
        self,
        connection: Connection,
        entry: FollowEntry | PreferenceEntry,
        cursor: Cursor,
    ) -> None:
        """Let a connection be told what its reader wants since this cursor."""
        known = connection in self._all
        if known:
            self._unindex(connection)
        if isinstance(entry, FollowEntry):
            connection.change_follow(entry.topic, entry.level, entry.since, at=cursor)
        else:
            connection.change_preference(entry.type, live=entry.live, at=cursor)
        if known:
            self._index(connection)

    def _index(self, connection: Connection) -> None:
        for selector in connection.selectors:
            self._hearing.setdefault(selector, {})[connection] = None
        for topic in connection.follows.muted:
            self._muting.setdefault(topic, {})[connection] = None
        for event_type in connection.follows.quiet:
            self._quiet.setdefault(event_type, {})[connection] = None

    def _unindex(self, connection: Connection) -> None:
        for selector in connection.selectors:
            _discard(self._hearing, selector, connection)
        for topic in connection.follows.muted:
            _discard(self._muting, topic, connection)
        for event_type in connection.follows.quiet:
            _discard(self._quiet, event_type, connection)

    def audience(self, topics: Iterable[str]) -> tuple[str, ...]:
        """Return the selectors that find these topics and that somebody hears."""
        keys = {*topics, *map(wildcard, topics)}
        return tuple(sorted(key for key in keys if key in self._hearing))

    def weight(self, audience: tuple[str, ...]) -> int:
        """Return how many connections an audience has, at most."""
        return sum(len(self._hearing[key]) for key in audience)

    def shares(self, frames: Sequence[Frame]) -> list[Share]:
        """Return which frames are for whom, those together that get the same."""
        # By audience: which frames it gets, a bit for each.
        groups: defaultdict[tuple[str, ...], int] = defaultdict(int)
        # By connection: which frames it does not get all the same.
        without: defaultdict[Connection, int] = defaultdict(int)
        for number, frame in enumerate(frames):
            groups[self.audience(frame.topics)] |= 1 << number
            for connection in self._left_out(frame):
                without[connection] |= 1 << number
        groups.pop((), None)
        same: defaultdict[int, list[Connection]] = defaultdict(list)
        if len(groups) == 1:
            # As it is most often: all get the same but a few.
            [(audience, bits)] = groups.items()
            members = self._members(audience)
            same[bits] = [each for each in members if each not in without]
            wanted = {each: bits for each in without if each in members}
        else:
            wanted = self._wanted(groups)
        for connection, bits in wanted.items():
            same[bits & ~without.get(connection, 0)].append(connection)
        same.pop(0, None)
        shares: list[Share] = []
        for bits, found in same.items():
            shares += self._counted(_batch(frames, bits), found)
        return shares

    def _counted(self, batch: Batch, connections: list[Connection]) -> Iterator[Share]:
        """Yield a share in parts: the same frames, and the same number at the bell."""
        rung: defaultdict[int, list[Connection]] = defaultdict(list)
        if self._bells:
            silent = []
            for each in connections:
                if each in self._bells and each.count(batch.frames):
                    rung[each.unseen or 0].append(each)
                else:
                    silent.append(each)
            connections = silent
        if connections:
            yield batch, connections
        for unseen, found in rung.items():
            bell = frame_of.count(unseen, batch.frames[-1].cursor)
            yield Batch([*batch.frames, bell]), found

    def _wanted(self, groups: dict[tuple[str, ...], int]) -> dict[Connection, int]:
        wanted: dict[Connection, int] = {}
        for audience, bits in groups.items():
            for connection in self._members(audience):
                wanted[connection] = wanted.get(connection, 0) | bits
        return wanted

    def _members(self, audience: tuple[str, ...]) -> Members:
        if len(audience) == 1:
            return self._hearing[audience[0]]
        return dict.fromkeys(
            chain.from_iterable(self._hearing[key] for key in audience)
        )

    def _left_out(self, frame: Frame) -> Iterator[Connection]:
        """Yield who hears a topic of the frame and is not sent it all the same."""
        yield from self.of(frame.actor)
        if self._muting:
            for topic in (*frame.topics, *frame.told):
                yield from self._muting.get(topic, ())
        if frame.told:
            hearing = (self._hearing[key] for key in self.audience(frame.told))
            told = chain.from_iterable(hearing)
            yield from (each for each in told if each.was_told(frame))
        for each in self._quiet.get(frame.type, ()):
            if each.is_quiet_about(frame):
                yield each


def _batch(frames: Sequence[Frame], bits: int) -> Batch:
    return Batch(frame for n, frame in enumerate(frames) if bits >> n & 1)


def _discard(index: dict[str, Members], key: str, connection: Connection) -> None:
    found = index.get(key, {})
    found.pop(connection, None)
    if not found:
        index.pop(key, None)
