"""A logging filter that keeps what repeats from flooding the log of the site. Pure."""

import logging
import time
from collections.abc import Callable

# So many lines of one kind in so many seconds; the rest is counted.
LINES = 5
SECONDS = 10.0


class RateLimitFilter(logging.Filter):
    """Let a few lines of each kind through, and say how many were left out.

    Lines are of one kind when their text, before the values are put in, is the same;
    such texts are ours, so there are few. `clock` is a monotonic clock in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        # By kind: when its time began, how many came in it, how many were left out.
        self._kinds: dict[str, tuple[float, int, int]] = {}

    def forget(self) -> None:
        """Begin anew, as if no line had passed."""
        self._kinds.clear()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line may pass."""
        now, kind = self._clock(), str(record.msg)
        began, lines, left_out = self._kinds.get(kind, (now, 0, 0))
        if now - began >= SECONDS:
            if left_out:
                record.msg = f"{record.getMessage()} left_out={left_out}"
                record.args = ()
            began, lines, left_out = now, 0, 0
        passes = lines < LINES
        self._kinds[kind] = (began, lines + 1, left_out + (not passes))
        return passes
