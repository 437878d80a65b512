"""Cursors: positions in the log, which compare as two integers. No I/O."""

import re
from datetime import datetime
from typing import NamedTuple

from notifications.exceptions import InvalidCursor

# Redis writes an id as two unsigned 64-bit integers without leading zeros.
_PATTERN = re.compile(r"(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})", re.ASCII)
_LARGEST = 2**64 - 1
# How many entries of one millisecond a position can tell apart.
_ENTRIES_PER_MILLISECOND = 1_000_000
LARGEST_POSITION = 2**63 - 1


def milliseconds(time: datetime) -> int:
    """Return a time in milliseconds since 1970, the unit of cursors."""
    return round(time.timestamp() * 1000)


class Cursor(NamedTuple):
    """An id of the Redis Stream: milliseconds since 1970, and a counter within them."""

    milliseconds: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.sequence}"

    @property
    def position(self) -> int:
        """The cursor as one number of 63 bits, which a database can sort.

        Positions are no longer unique after a million entries in one millisecond, or
        from the year 2262 on.
        """
        sequence = min(self.sequence, _ENTRIES_PER_MILLISECOND - 1)
        number = self.milliseconds * _ENTRIES_PER_MILLISECOND + sequence
        return min(number, LARGEST_POSITION)

    @classmethod
    def from_position(cls, position: int) -> "Cursor":
        """Return the cursor that has this position."""
        return cls(*divmod(position, _ENTRIES_PER_MILLISECOND))

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Parse the text of a cursor, such as `1795165498123-0`.

        Raises InvalidCursor if it is not exactly what `str` returns for a cursor.
        """
        match = _PATTERN.fullmatch(text)
        if match is None or max(map(int, match.groups())) > _LARGEST:
            raise InvalidCursor(text, expected="<milliseconds>-<sequence>")
        return cls(int(match[1]), int(match[2]))


# Before every entry of a log. Shared, since each connection has one.
NO_CURSOR = Cursor(0, 0)
