"""Segments: consecutive entries of the log in memory. Pure."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator

from notifications.live.outlines import Outline, with_wildcards
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import ControlEntry, GapEntry
from notifications.protocol.frames import Frame

# A decoded entry of the log; None for one that concerns no connection.
Item = Frame | ControlEntry | GapEntry | None
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
            for topic in with_wildcards(item.topics):
                self._topics[topic].append(index)
            if item.retracts is not None:
                self.retracted.append(item.retracts)
        elif isinstance(item, ControlEntry):
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

    def outline(self) -> Outline:
        """Return where this segment has which topics, without its entries."""
        topics = self._topics.items()
        return Outline.of(
            self.floor,
            self.cursors,
            body_bytes=self.bytes - ENTRY_BYTES * len(self.cursors),
            topics=((topic, place) for topic, places in topics for place in places),
        )


def _index(item: tuple[int, ControlEntry]) -> int:
    return item[0]
