"""The newest part of the log in memory, without a hole. Pure; guarded by its owner.

What thousands come back for after a cut is read and decoded once.
"""

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import ControlEntry
from notifications.protocol.frames import Frame
from notifications.protocol.topics import wildcard

# What an entry is to the connections.
Item = Frame | ControlEntry | None
# As many as Redis keeps or trims together: `stream-node-max-entries`.
SEGMENT_ENTRIES = 100
# What an entry takes beside its bytes, roughly.
ENTRY_BYTES = 500


class Segment:
    """So many entries in a row, found by topic or by person."""

    def __init__(self, floor: Cursor) -> None:
        # The entry just before the first.
        self.floor = floor
        self.cursors: list[Cursor] = []
        self.bytes = 0
        self._frames: dict[int, Frame] = {}
        # Positions among the cursors, in order.
        self._topics: defaultdict[str, list[int]] = defaultdict(list)
        self._controls: defaultdict[str, list[tuple[int, ControlEntry]]] = defaultdict(
            list
        )

    def add(self, cursor: Cursor, item: Item, size: int) -> None:
        """Add what stands at a cursor, which is later than all; None for nothing."""
        number = len(self.cursors)
        self.cursors.append(cursor)
        self.bytes += size + ENTRY_BYTES
        if isinstance(item, Frame):
            self._frames[number] = item
            for topic in {*item.topics, *map(wildcard, item.topics)}:
                self._topics[topic].append(number)
        elif item is not None:
            self._controls[item.user].append((number, item))

    def has(self, cursor: Cursor) -> bool:
        """Tell whether there is an entry at this cursor."""
        place = bisect_right(self.cursors, cursor)
        return place > 0 and self.cursors[place - 1] == cursor

    def addressed(
        self, selectors: Iterable[str], after: Cursor, until: Cursor
    ) -> list[Frame]:
        """Return the frames in between that any of the selectors finds."""
        first = bisect_right(self.cursors, after)
        last = bisect_right(self.cursors, until)
        found: set[int] = set()
        for selector in selectors:
            numbers = self._topics.get(selector)
            if numbers:
                start = bisect_right(numbers, first - 1)
                found.update(numbers[start : bisect_right(numbers, last - 1)])
        return [self._frames[number] for number in sorted(found)]

    def controls(
        self, user: str, after: Cursor, until: Cursor
    ) -> Iterator[tuple[Cursor, ControlEntry]]:
        """Yield what happened in between to what a person follows and may."""
        for number, entry in self._controls.get(user, ()):
            if after < self.cursors[number] <= until:
                yield self.cursors[number], entry


class History:
    """Segments one after the other, the oldest of which are forgotten.

    It keeps the newest, about `limit_bytes` and `limit_entries` of them: no more than
    the log does.
    """

    def __init__(
        self, start: Cursor, *, limit_bytes: int = 0, limit_entries: int = 0
    ) -> None:
        self._limit_bytes = limit_bytes
        self._limit_entries = limit_entries
        self._segments = deque([Segment(start)])
        self._bytes = 0
        # What stands after this cursor, or after an older one, was too much to hold.
        self._too_long_from = Cursor(0, 0)

    @property
    def floor(self) -> Cursor:
        """The cursor after which it has every entry."""
        return self._segments[0].floor

    def has(self, cursor: Cursor) -> bool:
        """Tell whether the entry at this cursor is known, and all after it."""
        if cursor == self.floor:
            return True
        return any(segment.has(cursor) for segment in self._after(cursor))

    def add(self, cursor: Cursor, item: Item, size: int) -> None:
        """Add the entry that follows the newest one; `size` is in bytes."""
        newest = self._segments[-1]
        if len(newest.cursors) >= SEGMENT_ENTRIES:
            newest = Segment(newest.cursors[-1])
            self._segments.append(newest)
        newest.add(cursor, item, size)
        self._bytes += size + ENTRY_BYTES
        while len(self._segments) > 1 and self._is_too_much(self._bytes):
            self._bytes -= self._segments.popleft().bytes

    def _is_too_much(self, size: int, more: int = 0) -> bool:
        entries = (len(self._segments) + more - 1) * SEGMENT_ENTRIES
        return size > self._limit_bytes or entries > self._limit_entries

    def may_backfill(self, cursor: Cursor) -> bool:
        """Tell whether it would be of use to read what it lacks after a cursor."""
        return not self.has(cursor) and self._too_long_from < cursor < self.floor

    def extend_back(self, older: "History", cursor: Cursor) -> None:
        """Put in front what `older` has, from a cursor to our floor.

        Where that is too much, that is remembered instead.
        """
        size, more = self._bytes + older._bytes, len(older._segments)
        if older.floor != cursor or self._is_too_much(size, more):
            self._too_long_from = max(self._too_long_from, cursor)
        else:
            self._segments.extendleft(reversed(older._segments))
            self._bytes += older._bytes

    def addressed(
        self, selectors: Iterable[str], after: Cursor, until: Cursor
    ) -> list[Frame]:
        """Return the frames in between that any of the selectors finds, in order."""
        found: list[Frame] = []
        for segment in self._after(after):
            found += segment.addressed(selectors, after, until)
        return found

    def controls(
        self, user: str, after: Cursor, until: Cursor
    ) -> list[tuple[Cursor, ControlEntry]]:
        """Return what happened in between to what a person follows and may."""
        found: list[tuple[Cursor, ControlEntry]] = []
        for segment in self._after(after):
            found += segment.controls(user, after, until)
        return found

    def _after(self, cursor: Cursor) -> list[Segment]:
        """Return the segments with entries at this cursor or after it."""
        found = []
        for segment in reversed(self._segments):
            found.append(segment)
            if segment.floor < cursor:
                break
        return found[::-1]
