"""The newest entries of the log in memory, without a gap. Pure; guarded by its owner.

When thousands of clients reconnect, their missed entries are read and decoded once.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import ControlEntry
from notifications.protocol.frames import Frame
from notifications.protocol.topics import wildcard

# A decoded entry of the log; None for one that concerns no connection.
Item = Frame | ControlEntry | None
# Redis keeps and trims this many together by default: `stream-node-max-entries`.
SEGMENT_ENTRIES = 100
# Roughly the memory that an entry needs in addition to its body.
ENTRY_BYTES = 500


class Segment:
    """Consecutive entries, indexed by topic and by person."""

    def __init__(self, floor: Cursor) -> None:
        # The cursor of the entry just before the first.
        self.floor = floor
        self.cursors: list[Cursor] = []
        self.bytes = 0
        self._frames: dict[int, Frame] = {}
        # The indexes of the frames among the cursors, in order.
        self._topics: defaultdict[str, list[int]] = defaultdict(list)
        self._controls: defaultdict[str, list[tuple[int, ControlEntry]]] = defaultdict(
            list
        )
        # The cursors of the events that entries of this segment retract.
        self.retracted: list[Cursor] = []

    def add(self, cursor: Cursor, item: Item, size: int) -> None:
        """Add the entry at a cursor that is later than all others."""
        index = len(self.cursors)
        self.cursors.append(cursor)
        self.bytes += size + ENTRY_BYTES
        if isinstance(item, Frame):
            self._frames[index] = item
            for topic in {*item.topics, *map(wildcard, item.topics)}:
                self._topics[topic].append(index)
            if item.retracts is not None:
                self.retracted.append(item.retracts)
        elif item is not None:
            self._controls[item.user].append((index, item))

    def has(self, cursor: Cursor) -> bool:
        """Tell whether there is an entry at this cursor."""
        end = bisect_right(self.cursors, cursor)
        return end > 0 and self.cursors[end - 1] == cursor

    def retract(self, cursor: Cursor) -> None:
        """Forget the frame at this cursor, if there is one; the entry stays."""
        if self.has(cursor):
            self._frames.pop(bisect_left(self.cursors, cursor), None)

    def frames_for(
        self, selectors: Iterable[str], after: Cursor, until: Cursor
    ) -> list[Frame]:
        """Return the frames between two cursors that any of the selectors matches."""
        start = bisect_right(self.cursors, after)
        end = bisect_right(self.cursors, until)
        found: set[int] = set()
        for selector in selectors:
            indexes = self._topics.get(selector)
            if indexes:
                first = bisect_left(indexes, start)
                found.update(indexes[first : bisect_left(indexes, end)])
        # Frames that were retracted are still in the index of the topics.
        return [self._frames[each] for each in sorted(found) if each in self._frames]

    def controls(
        self, user: str, after: Cursor, until: Cursor
    ) -> Iterator[tuple[Cursor, ControlEntry]]:
        """Yield the control entries of a person, and of topics, between two cursors."""
        own, of_topics = self._controls.get(user, ()), self._controls.get("", ())
        # Those of topics have no user, as anonymous connections.
        found = (
            own if not of_topics or not user else sorted([*own, *of_topics], key=_index)
        )
        for index, entry in found:
            if after < self.cursors[index] <= until:
                yield self.cursors[index], entry


def _index(item: tuple[int, ControlEntry]) -> int:
    return item[0]


class History:
    """The newest segments of the log; the oldest are dropped when it grows too large.

    It keeps about `limit_bytes` and `limit_entries`, and at least the newest segment.
    "Between two cursors" excludes the first and includes the second.
    """

    def __init__(
        self, start: Cursor, *, limit_bytes: int = 0, limit_entries: int = 0
    ) -> None:
        self._limit_bytes = limit_bytes
        self._limit_entries = limit_entries
        self._segments = deque([Segment(start)])
        self._bytes = 0
        # The entries after this cursor, or after an older one, are too many to keep.
        self._too_many_after = Cursor(0, 0)

    @property
    def floor(self) -> Cursor:
        """The cursor after which it has every entry of the log."""
        return self._segments[0].floor

    def has(self, cursor: Cursor) -> bool:
        """Tell whether it knows the entry at this cursor and has every later one."""
        if cursor == self.floor:
            return True
        return any(segment.has(cursor) for segment in self._segments_from(cursor))

    def add(self, cursor: Cursor, item: Item, size: int) -> None:
        """Add the entry that follows the newest one; `size` is in bytes."""
        newest = self._segments[-1]
        if len(newest.cursors) >= SEGMENT_ENTRIES:
            newest = Segment(newest.cursors[-1])
            self._segments.append(newest)
        newest.add(cursor, item, size)
        if isinstance(item, Frame) and item.retracts is not None:
            self.retract(item.retracts)
        self._bytes += size + ENTRY_BYTES
        while len(self._segments) > 1 and self._exceeds_limits(
            self._bytes, len(self._segments)
        ):
            self._bytes -= self._segments.popleft().bytes

    def retract(self, cursor: Cursor) -> None:
        """Forget the frame of the event at this cursor, if it is here."""
        for segment in self._segments_from(cursor)[:1]:
            segment.retract(cursor)

    def _exceeds_limits(self, size: int, segments: int) -> bool:
        # The newest segment is not full.
        entries = (segments - 1) * SEGMENT_ENTRIES
        return size > self._limit_bytes or entries > self._limit_entries

    def may_backfill(self, cursor: Cursor) -> bool:
        """Tell whether to read the entries between a cursor and the floor."""
        return not self.has(cursor) and self._too_many_after < cursor < self.floor

    def prepend(self, older: "History", cursor: Cursor) -> None:
        """Put the entries from a cursor to the floor, which `older` has, in front.

        If they are too many, it notes that instead, and they are not read again.
        """
        size = self._bytes + older._bytes
        segments = len(self._segments) + len(older._segments)
        # With another floor, `older` itself has dropped its first entries.
        if older.floor != cursor or self._exceeds_limits(size, segments):
            self._too_many_after = max(self._too_many_after, cursor)
        else:
            for segment in self._segments:
                for retracted in segment.retracted:
                    older.retract(retracted)
            self._segments.extendleft(reversed(older._segments))
            self._bytes += older._bytes

    def frames_for(
        self, selectors: Iterable[str], after: Cursor, until: Cursor
    ) -> list[Frame]:
        """Return the frames between two cursors that any selector matches, in order."""
        found: list[Frame] = []
        for segment in self._segments_from(after):
            found += segment.frames_for(selectors, after, until)
        return found

    def controls(
        self, user: str, after: Cursor, until: Cursor
    ) -> list[tuple[Cursor, ControlEntry]]:
        """Return the control entries of a person between two cursors, in order."""
        found: list[tuple[Cursor, ControlEntry]] = []
        for segment in self._segments_from(after):
            found += segment.controls(user, after, until)
        return found

    def _segments_from(self, cursor: Cursor) -> list[Segment]:
        """Return the segments with entries at this cursor or after it."""
        found = []
        for segment in reversed(self._segments):
            found.append(segment)
            if segment.floor < cursor:
                break
        return found[::-1]
