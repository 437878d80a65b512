"""The newest entries of the log in memory, without a gap. Pure; guarded by its owner.

When thousands of clients reconnect, their missed entries are read and decoded once. Of
older entries only an outline is kept, by which they are found in the log.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

from notifications.live.outlines import Outline
from notifications.live.segments import (
    ENTRY_BYTES,
    SEGMENT_ENTRIES,
    Item,
    Segment,
)
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import ControlEntry
from notifications.protocol.frames import Frame


class Decoded(NamedTuple):
    """An entry of the log for the history; `size` is in bytes."""

    cursor: Cursor
    item: Item
    size: int


class History:
    """The newest segments of the log; older ones are outlined when it grows too large.

    It keeps about `limit_bytes` and `limit_entries`, and at least the newest segment;
    with the outlines it covers `limit_entries`, too. "Between two cursors" excludes the
    first and includes the second.
    """

    def __init__(
        self, start: Cursor, *, limit_bytes: int = 0, limit_entries: int = 0
    ) -> None:
        self._limit_bytes = limit_bytes
        self._limit_entries = limit_entries
        self._segments = deque([Segment(start)])
        self._bytes = 0
        # Of the segments before these, oldest first.
        self._outlines: deque[Outline] = deque()
        self._outlined_entries = 0

    @property
    def floor(self) -> Cursor:
        """The cursor after which it has every entry of the log."""
        return self._segments[0].floor

    @property
    def outline_floor(self) -> Cursor:
        """The cursor after which it has every entry, or its outline."""
        return self._outlines[0].floor if self._outlines else self.floor

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
            self._outline_oldest()

    def _outline_oldest(self) -> None:
        segment = self._segments.popleft()
        self._bytes -= segment.bytes
        self._outlines.append(segment.outline())
        self._outlined_entries += len(segment.cursors)
        while self._outlines and self._covers_limit():
            self._outlined_entries -= self._outlines.popleft().entries

    def retract(self, cursor: Cursor) -> None:
        """Forget the frame of the event at this cursor, if it is here."""
        for segment in self._segments_from(cursor)[:1]:
            segment.retract(cursor)

    def _exceeds_limits(self, size: int, segments: int) -> bool:
        # The newest segment is not full.
        entries = (segments - 1) * SEGMENT_ENTRIES
        return size > self._limit_bytes or entries > self._limit_entries

    def _covers_limit(self) -> bool:
        """Tell whether the log has hardly any entries before these: it is trimmed."""
        entries = self._outlined_entries + (len(self._segments) - 1) * SEGMENT_ENTRIES
        return entries > self._limit_entries + 2 * SEGMENT_ENTRIES

    def is_full(self) -> bool:
        """Tell whether older entries can only be outlined, not kept."""
        return bool(self._outlines)

    def may_extend(self) -> bool:
        """Tell whether to read the entries before `outline_floor`."""
        return not self._covers_limit()

    def prepend(self, start: Cursor, entries: Sequence[Decoded]) -> None:
        """Put the entries from a cursor up to `outline_floor` in front.

        They are at most SEGMENT_ENTRIES, and only outlined if they do not fit.
        """
        segment = Segment(start)
        for each in entries:
            segment.add(*each)
        if self._outlines or self._exceeds_limits(
            self._bytes + segment.bytes, len(self._segments) + 1
        ):
            self.prepend_outlines([segment.outline()])
            return
        for later in (segment, *self._segments):
            for retracted in later.retracted:
                segment.retract(retracted)
        self._segments.appendleft(segment)
        self._bytes += segment.bytes

    def prepend_outlines(self, outlines: Sequence[Outline]) -> None:
        """Put the outlines of the entries up to `outline_floor` in front."""
        self._outlines.extendleft(reversed(outlines))
        self._outlined_entries += sum(each.entries for each in outlines)

    def frames_for(
        self,
        selectors: Iterable[str],
        after: Cursor,
        until: Cursor,
        *,
        at_least: int | None = None,
    ) -> list[Frame]:
        """Return the frames between two cursors that any selector matches, in order.

        With `at_least`, it stops after the segment with that many.
        """
        found: list[Frame] = []
        for segment in self._segments_from(after):
            found += segment.frames_for(selectors, after, until)
            if at_least is not None and len(found) >= at_least:
                break
        return found

    def controls(
        self, user: str, after: Cursor, until: Cursor
    ) -> list[tuple[Cursor, ControlEntry]]:
        """Return the control entries of a person between two cursors, in order."""
        found: list[tuple[Cursor, ControlEntry]] = []
        for segment in self._segments_from(after):
            found += segment.controls(user, after, until)
        return found

    def outlines_from(self, cursor: Cursor) -> list[Outline]:
        """Return the outlines of entries after a cursor, oldest first."""
        found = takewhile(lambda each: each.end > cursor, reversed(self._outlines))
        return [*found][::-1]

    def _segments_from(self, cursor: Cursor) -> list[Segment]:
        """Return the segments with entries at this cursor or after it."""
        found = []
        for segment in reversed(self._segments):
            found.append(segment)
            if segment.floor < cursor:
                break
        return found[::-1]
