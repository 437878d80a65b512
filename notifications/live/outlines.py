"""Outlines: where older entries of the log have which topics. Pure."""

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from notifications.exceptions import UnreadableEntry
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EventEntry, Record, RetractEntry, UpdateEntry
from notifications.protocol.topics import wildcard


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Where the entries after `floor` up to `end` have which topics; about 2.5 KB.

    So the entries that a client wants are found in the log without reading all of it.
    """

    floor: Cursor
    end: Cursor
    # The usual size of an entry.
    entry_bytes: int
    # The two numbers of each cursor.
    milliseconds: "array[int]"
    sequences: "array[int]"
    # The digest of a topic, and the place of an entry that has it among the cursors.
    digests: "array[int]"
    places: "array[int]"

    @classmethod
    def of(
        cls,
        floor: Cursor,
        cursors: Sequence[Cursor],
        *,
        body_bytes: int,
        topics: Iterable[tuple[str, int]],
    ) -> "Outline":
        """Outline entries, given by cursors that follow `floor`.

        `topics` has each topic and wildcard with the place of an entry that it matches;
        `body_bytes` is the size of all entries.
        """
        pairs = list(topics)
        return cls(
            floor=floor,
            end=cursors[-1],
            entry_bytes=body_bytes // len(cursors),
            milliseconds=array("Q", [each.milliseconds for each in cursors]),
            sequences=array("Q", [each.sequence for each in cursors]),
            digests=array("I", [_digest(topic) for topic, _ in pairs]),
            places=array("B", [place for _, place in pairs]),
        )

    @property
    def entries(self) -> int:
        """How many entries are outlined."""
        return len(self.sequences)

    def find(self, wanted: frozenset[int]) -> list[Cursor]:
        """Return the cursors of entries with a topic that has one of these digests."""
        places = sorted(self._places_of(wanted))
        return [Cursor(self.milliseconds[n], self.sequences[n]) for n in places]

    def count(self, wanted: frozenset[int]) -> int:
        """Return how many cursors `find` returns."""
        return len(self._places_of(wanted))

    def _places_of(self, wanted: frozenset[int]) -> set[int]:
        # Most have none, and this is the fastest way to find out.
        if wanted.isdisjoint(self.digests):
            return set()
        pairs = zip(self.digests, self.places, strict=True)
        return {place for digest, place in pairs if digest in wanted}


def outline(floor: Cursor, records: Sequence[Record]) -> Outline:
    """Outline entries that follow `floor`, as they are in the log."""
    return Outline.of(
        floor,
        [each.cursor for each in records],
        body_bytes=sum(len(each.body) for each in records),
        topics=(
            (topic, place)
            for place, each in enumerate(records)
            for topic in with_wildcards(_topics_of(each))
        ),
    )


def digests(selectors: Iterable[str]) -> frozenset[int]:
    """Return topics and wildcards as numbers of 32 bits, for this process alone."""
    return frozenset(map(_digest, selectors))


def _digest(selector: str) -> int:
    return hash(selector) & 0xFFFF_FFFF


def with_wildcards(topics: Collection[str]) -> set[str]:
    """Return the topics, and the wildcards that match one of them."""
    return {*topics, *map(wildcard, topics)}


def _topics_of(record: Record) -> tuple[str, ...]:
    try:
        entry = record.decode()
    except UnreadableEntry:
        # The hub has skipped it, too.
        return ()
    if isinstance(entry, EventEntry | UpdateEntry | RetractEntry):
        return entry.topics
    return ()
