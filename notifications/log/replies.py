"""Replies of Redis as records of the log. No I/O."""

from typing import Any

from notifications.exceptions import LogGap
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record

# Entries as redis-py returns them: the id and the fields of each.
Page = list[tuple[bytes, dict[bytes, bytes]]]


def cursor(reply: bytes) -> Cursor:
    """Return the cursor of an id in a reply."""
    # Redis writes no others: checking the form would take most of the time of a read.
    milliseconds, _, sequence = reply.partition(b"-")
    return Cursor(int(milliseconds), int(sequence))


def records(page: Page) -> list[Record]:
    """Return the entries of a page as records."""
    return [Record(cursor(reply), fields.get(b"e", b"")) for reply, fields in page]


def records_after(after: Cursor, page: Page) -> list[Record]:
    """Return the entries of a page after its first one, which must be at `after`.

    Raises LogGap if it is not.
    """
    found = records(page)
    if not found or found[0].cursor != after:
        raise LogGap(after)
    return found[1:]


def pages(reply: Any) -> dict[str, Page]:
    """Return the pages in a reply to XREAD, by stream.

    The reply is a list of pairs or a dict, depending on the version of the protocol.
    """
    found = dict(reply or ())
    return {name.decode(): _page(entries) for name, entries in found.items()}


def _page(entries: Any) -> Page:
    return [
        (reply, dict(zip(fields[::2], fields[1::2], strict=True)))
        for reply, fields in entries
    ]
