"""The viewers of a topic in this process: who counts as present. Pure."""

from collections import Counter, deque
from collections.abc import Collection, Mapping

from notifications.live.connection import Connection
from notifications.log.presence import Roster


class Viewers:
    """The streams of one topic in this process; those who left count a while longer."""

    __slots__ = (
        "_anonymous", "_anonymous_left", "_left", "_streams", "_told", "connections",
    )  # fmt: skip

    def __init__(self) -> None:
        self.connections: dict[Connection, None] = {}
        # How many streams each person has; and until when people without one count.
        self._streams: Counter[str] = Counter()
        self._left: dict[str, float] = {}
        # How many streams are anonymous; and until when some count that have ended. A
        # new one takes the place of one of these: its client may have reconnected.
        self._anonymous = 0
        self._anonymous_left: deque[float] = deque()
        # The digest of what all streams were told last.
        self._told = ""

    @property
    def is_empty(self) -> bool:
        """Whether nobody counts as present."""
        return not (self.connections or self._left or self._anonymous_left)

    def add(self, connection: Connection) -> bool:
        """Count a stream; tell whether the roster has changed."""
        self.connections[connection] = None
        user = connection.user
        if user:
            self._streams[user] += 1
            return self._left.pop(user, None) is None and self._streams[user] == 1
        self._anonymous += 1
        if not self._anonymous_left:
            return True
        self._anonymous_left.popleft()
        return False

    def remove(self, connection: Connection, *, until: float) -> bool:
        """Note that a stream has ended; tell whether somebody may have left with it.

        Who has left is in the roster `until` then. Idempotent.
        """
        if connection not in self.connections:
            return False
        del self.connections[connection]
        user = connection.user
        if not user:
            self._anonymous -= 1
            self._anonymous_left.append(until)
            return True
        self._streams[user] -= 1
        if self._streams[user]:
            return False
        del self._streams[user]
        self._left[user] = until
        return True

    def forget_left(self, now: float) -> bool:
        """Take those out of the roster whose time is over; tell if there were any."""
        gone = [user for user, until in self._left.items() if until <= now]
        for user in gone:
            del self._left[user]
        before = len(self._anonymous_left)
        while self._anonymous_left and self._anonymous_left[0] <= now:
            self._anonymous_left.popleft()
        return bool(gone) or len(self._anonymous_left) < before

    def roster(self) -> Roster:
        """Return who is present."""
        people = [*self._streams, *self._left]
        return Roster(people, self._anonymous + len(self._anonymous_left))

    def forget_told(self) -> None:
        """Let all streams be told who is present, whatever they were told before."""
        self._told = ""

    def take_untold(
        self, digest: str, newcomers: Mapping[Connection, Collection[str]] | None
    ) -> list[Connection]:
        """Return the streams to be told what has this digest.

        These are all of them if they were told something else; or else the newcomers,
        given with the digests that their clients show.
        """
        new = newcomers or {}
        if digest != self._told:
            self._told = digest
            return [
                each
                for each in tuple(self.connections)
                if digest not in new.get(each, ())
            ]
        return [
            each
            for each, shown in new.items()
            if each in self.connections and digest not in shown
        ]
