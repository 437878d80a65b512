"""Shared pages: what anonymous clients missed, looked up once for equal requests."""

from collections.abc import Callable

from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch

# How many pages are kept; then all are dropped.
MAX_PAGES = 32

# The selectors of a client, its cursor, and the cursor up to which it gets frames.
Key = tuple[frozenset[str], Cursor, Cursor]
# Frames, and the cursor that they reach.
Page = tuple[Batch, Cursor]


class SharedPages:
    """Keeps pages for the clients that come next; safe to share between threads.

    A page ends at the hub's position or before. So none is out of date: what changes it
    moves the position.
    """

    def __init__(self) -> None:
        self._pages: dict[Key, Page] = {}

    def page(self, key: Key, make: Callable[[], Page | None]) -> Page | None:
        """Return the page for a key, made by the first client that needs it."""
        page = self._pages.get(key)
        if page is not None:
            return page
        page = make()
        if page is not None:
            if len(self._pages) >= MAX_PAGES:
                self._pages.clear()
            self._pages[key] = page
        return page

    def clear(self) -> None:
        """Drop all pages, since the history begins anew."""
        self._pages.clear()
