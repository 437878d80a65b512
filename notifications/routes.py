"""Routes: which connections an entry of the log is for. Guarded by the hub's lock."""

import itertools
from collections import defaultdict
from collections.abc import Iterator

from notifications.connection import Connection, Following
from notifications.cursor import Cursor
from notifications.entries import FollowEntry
from notifications.frames import Frame
from notifications.topics import wildcard


class Routes:
    """Finds connections by the topics they hear and by the person who reads them."""

    def __init__(self) -> None:
        self._all: set[Connection] = set()
        self._selectors: defaultdict[str, set[Connection]] = defaultdict(set)
        self._people: defaultdict[str, set[Connection]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._all)

    def add(self, connection: Connection) -> None:
        """Find this connection from now on."""
        self._all.add(connection)
        self._people[connection.user].add(connection)
        for selector in connection.selectors:
            self._selectors[selector].add(connection)

    def remove(self, connection: Connection) -> None:
        """Find it no longer; idempotent."""
        self._all.discard(connection)
        _discard(self._people, connection.user, connection)
        for selector in connection.selectors:
            _discard(self._selectors, selector, connection)

    def of(self, user: str) -> set[Connection]:
        """Return the connections of a person."""
        return self._people.get(user, set())

    def matching(self, frame: Frame) -> Iterator[Connection]:
        """Yield the connections that an event is for, each once."""
        keys = {*frame.topics, *map(wildcard, frame.topics)}
        found = (self._selectors.get(key, ()) for key in keys)
        return (each for each in set(itertools.chain(*found)) if each.wants(frame))

    def change(
        self, connection: Connection, entry: FollowEntry, cursor: Cursor
    ) -> None:
        """Let a connection follow what its reader follows since this cursor."""
        before = connection.selectors
        following = Following(entry.level, entry.since) if entry.level else None
        connection.change_follow(entry.topic, following, at=cursor)
        after = connection.selectors
        for selector in before - after:
            _discard(self._selectors, selector, connection)
        if connection in self._all:
            for selector in after - before:
                self._selectors[selector].add(connection)


def _discard(
    index: dict[str, set[Connection]], key: str, connection: Connection
) -> None:
    found = index.get(key, set())
    found.discard(connection)
    if not found:
        index.pop(key, None)
