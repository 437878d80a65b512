"""Cursors: where in the log a reader is. Pure; compared as two integers."""

import re
from datetime import datetime
from typing import NamedTuple

from notifications.exceptions import InvalidCursor

# Redis writes an id as two unsigned 64-bit integers without leading zeros.
_PATTERN = re.compile(r"(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})", re.ASCII)
_LARGEST = 2**64 - 1
# A position has room for so many entries of one millisecond.
_ENTRIES = 1_000_000
_LARGEST_POSITION = 2**63 - 1


def milliseconds(time: datetime) -> int:
    """Return a time as cursors have it: in milliseconds since 1970."""
    return round(time.timestamp() * 1000)


class Cursor(NamedTuple):
    """An id in the Redis Stream: milliseconds since 1970, and a counter in them."""

    milliseconds: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.sequence}"

    @property
    def position(self) -> int:
        """The cursor as one number, which a database can order: 63 bits.

        Those of a log that counts on from an entry of the year 2262, or has had a
        million in one millisecond, are no longer told apart.
        """
        number = self.milliseconds * _ENTRIES + min(self.sequence, _ENTRIES - 1)
        return min(number, _LARGEST_POSITION)

    @classmethod
    def at(cls, position: int) -> "Cursor":
        """Return the cursor at a position."""
        return cls(*divmod(position, _ENTRIES))

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor that `text` writes, as in `1795165498123-0`.

        Raises InvalidCursor for anything else.
        """
        match = _PATTERN.fullmatch(text)
        if match is None or max(map(int, match.groups())) > _LARGEST:
            raise InvalidCursor(text, expected="<milliseconds>-<sequence>")
        return cls(int(match[1]), int(match[2]))
