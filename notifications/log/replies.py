"""Redis's replies as records of the log. Pure."""

from typing import Any

from notifications.exceptions import LogGap
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record

# As a client of Redis returns an entry: its id, and its fields.
Page = list[tuple[bytes, dict[bytes, bytes]]]


def cursor(reply: bytes) -> Cursor:
    """Return the cursor that an id stands for."""
    return Cursor.parse(reply.decode())


def records(page: Page) -> list[Record]:
    """Return the entries of a page as records."""
    return [Record(cursor(reply), fields.get(b"e", b"")) for reply, fields in page]


def records_after(after: Cursor, page: Page) -> list[Record]:
    """Return a page without the entry at `after`, which has to be its first.

    Raises LogGap when it is not.
    """
    found = records(page)
    if not found or found[0].cursor != after:
        raise LogGap(after)
    return found[1:]


def pages(reply: Any) -> dict[str, Page]:
    """Return what XREAD sent, by stream, in the form in which a client returns it.

    It sends pairs, or a dict: that depends on the version of its protocol.
    """
    found = dict(reply or ())
    return {name.decode(): _page(entries) for name, entries in found.items()}


def _page(entries: Any) -> Page:
    return [
        (reply, dict(zip(fields[::2], fields[1::2], strict=True)))
        for reply, fields in entries
    ]
