"""Older entries: what memory does not have is read from the log, page by page.

Reading is expensive, and any client may ask for it. So each page is a turn of its own,
and is given to its client before the next one is read.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress

from notifications.exceptions import LogGap, LogUnavailable, ReplayTooLong
from notifications.lib.batches import batches
from notifications.lib.turns import NoTurn, Turns
from notifications.live.connection import Connection, State
from notifications.live.history import Decoded
from notifications.live.outlines import Outline, digests, outline
from notifications.live.segments import SEGMENT_ENTRIES, Item
from notifications.log.stream import Log
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record
from notifications.protocol.frames import Batch, Frame

# A page has about this many bytes of entries, and at most SEGMENT_ENTRIES.
PAGE_BYTES = 65_536
# How many entries are read from the log for one replay; a longer one is a reset. They
# are found by topic.
MAX_REPLAY_ENTRIES = 20_000
# How many entries are outlined in one turn, and how many outlines are searched.
OUTLINED_ENTRIES = 200
OUTLINES_PER_TURN = 50
# How many threads of a process may read at the same time. The others wait in order, up
# to MAX_WAIT_SECONDS; then the client has to reconnect. After each turn, four times as
# long as it worked is left to whatever else the process does.
THREADS = 2
REST = 4.0
MIN_REST_SECONDS = 0.005
MAX_WAIT_SECONDS = 10.0


class OlderEntries:
    """Reads entries of the log for one process; safe to share between threads.

    `decode` decodes an entry.
    """

    def __init__(self, log: Log, decode: Callable[[Record], Item]) -> None:
        self._log = log
        self._decode = decode
        self._turns = Turns(
            THREADS, rest=REST, min_rest=MIN_REST_SECONDS, max_wait=MAX_WAIT_SECONDS
        )

    @contextmanager
    def turn(self, connection: Connection) -> Iterator[None]:
        """Wait for a turn and work for a client in it.

        Raises LogUnavailable if there is none in time, or if the client has left.
        """
        try:
            with self._turns.turn(lambda: _is_there(connection)):
                yield
        except NoTurn:
            raise LogUnavailable("there was no turn for a replay") from None

    def before(self, end: Cursor) -> tuple[Cursor, list[Decoded]]:
        """Return the entries up to the one at `end`, and the cursor just before them.

        They are at most SEGMENT_ENTRIES. Raises LogUnavailable, and LogGap if the log
        does not have the entry at `end`, or there is none before it or a gap.
        """
        start, records = self._read_back(end, SEGMENT_ENTRIES)
        return start, [
            Decoded(each.cursor, self._decode(each), len(each.body)) for each in records
        ]

    def outlines_before(self, end: Cursor) -> list[Outline]:
        """Return the outlines of entries up to the one at `end`.

        Raises as `before` does.
        """
        floor, records = self._read_back(end, OUTLINED_ENTRIES)
        found = []
        for some in batches(records, SEGMENT_ENTRIES):
            found.append(outline(floor, some))
            floor = some[-1].cursor
        return found

    def _read_back(self, end: Cursor, entries: int) -> tuple[Cursor, list[Record]]:
        records = self._log.read_back(end, limit=entries + 1)
        # Those from before a gap must not be replayed.
        gaps = (place for place, each in enumerate(records) if each.declares_gap)
        previous, *records = records[max(gaps, default=0) :]
        if not records:
            raise LogGap(end)
        return previous.cursor, records

    def missed(
        self,
        connection: Connection,
        outlines: Sequence[Outline],
        after: Cursor,
        until: Cursor,
    ) -> Iterator[Batch]:
        """Yield the outlined frames between two cursors that a connection wants.

        Raises LogUnavailable, LogGap and ReplayTooLong; the first two also after the
        first batch.
        """
        wanted = digests(connection.selectors)
        pages = _pages(self._matching(connection, outlines, wanted), wanted)
        retracted = self._log.retractions().after(after)
        while True:
            with self.turn(connection):
                page = next(pages, None)
                if page is None:
                    return
                due = [each for each in page if after < each <= until]
                batch = self._read(
                    connection, [each for each in due if each not in retracted]
                )
            yield batch

    def _matching(
        self,
        connection: Connection,
        outlines: Sequence[Outline],
        wanted: frozenset[int],
    ) -> list[Outline]:
        """Return those of the outlines that have a wanted entry.

        Raises ReplayTooLong if there are too many wanted entries, and LogUnavailable.
        """
        found: list[Outline] = []
        entries = 0
        for some in batches(outlines, OUTLINES_PER_TURN):
            with self.turn(connection):
                counts = [each.count(wanted) for each in some]
            found += compress(some, counts)
            entries += sum(counts)
            if entries > MAX_REPLAY_ENTRIES:
                raise ReplayTooLong(MAX_REPLAY_ENTRIES)
        return found

    def _read(self, connection: Connection, cursors: Sequence[Cursor]) -> Batch:
        items = map(self._decode, self._log.read_entries(cursors))
        return connection.missed(each for each in items if isinstance(each, Frame))


def _pages(
    outlines: Sequence[Outline], wanted: frozenset[int]
) -> Iterator[list[Cursor]]:
    """Yield the cursors of the wanted entries, those of about PAGE_BYTES at a time."""
    page: list[Cursor] = []
    size = 0
    for each in outlines:
        for cursor in each.find(wanted):
            page.append(cursor)
            size += each.entry_bytes
            if size >= PAGE_BYTES or len(page) == SEGMENT_ENTRIES:
                yield page
                page, size = [], 0
    if page:
        yield page


def _is_there(connection: Connection) -> bool:
    return connection.state is State.OPEN and not connection.transport.is_gone()
