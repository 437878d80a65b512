"""A logging filter that keeps repeated messages from flooding a site's log."""

import logging
import time
from collections.abc import Callable

# A message is logged at most this often within a window.
LINES_PER_WINDOW = 5
WINDOW_SECONDS = 10.0


class RateLimitFilter(logging.Filter):
    """Limit how often each message is logged, and log how many were left out.

    A message is identified by its text before the arguments are put in. These texts
    are constants of the code, so there are few of them. `clock` is a monotonic clock
    in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        # By message: when its window began, the lines in it, the lines left out.
        self._windows: dict[str, tuple[float, int, int]] = {}

    def reset(self) -> None:
        """Forget what was logged before."""
        self._windows.clear()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is logged."""
        now, message = self._clock(), str(record.msg)
        began, lines, left_out = self._windows.get(message, (now, 0, 0))
        if now - began >= WINDOW_SECONDS:
            if left_out:
                record.msg = f"{record.getMessage()} left_out={left_out}"
                record.args = ()
            began, lines, left_out = now, 0, 0
        passes = lines < LINES_PER_WINDOW
        self._windows[message] = (began, lines + 1, left_out + (not passes))
        return passes
