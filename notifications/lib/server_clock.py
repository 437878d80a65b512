"""The clock of a server that many processes share, as far as one of them knows it."""

import time
from collections.abc import Callable


class ServerClock:
    """Estimates how far the clock of a server is ahead of this machine's.

    The estimate is 0 until a reply proves otherwise, and changes only as far as a reply
    proves. All times are in milliseconds since 1970; `clock` is this machine's, in
    seconds. Safe to use in several threads.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # How many milliseconds the server is ahead; negative if it is behind.
        self.ahead = 0

    def local(self) -> int:
        """Return the time of this machine."""
        return int(self._clock() * 1000)

    def note(self, server_time: int, *, since: int) -> None:
        """Take in a reply that has just come, with the time when the server made it.

        `since` is the time of this machine when the server was asked.
        """
        least, most = server_time - self.local(), server_time - since
        self.ahead = min(max(self.ahead, least), most)
