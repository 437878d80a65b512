"""Reads the log for the hub, and waits for its repair when it has lost its end.

The sweep appends again what is lost and declares the gap. A hub that declared it before
would send its clients what they have already, and a second reset.
"""

import time
from collections.abc import Callable

from notifications.conf import conf
from notifications.exceptions import LogGap, LogUnavailable
from notifications.log.stream import Log
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record

# How many sweeps may pass until a hub declares the gap by itself.
SWEEPS = 3


class PatientReader:
    """Reads the log in one thread; `clock` is a monotonic clock in seconds."""

    def __init__(
        self, log: Log, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._clock = clock
        # The gap to declare after the repair. It stays one, even if another entry gets
        # the cursor of a lost one.
        self._gap: LogGap | None = None
        self._given_up_at = 0.0

    def wait(self, after: Cursor, *, seconds: float) -> list[Record]:
        """Return the next entries, as `Log.wait` does.

        Raises LogUnavailable while the log is repaired, and LogGap after that.
        """
        if self._gap is None:
            try:
                return self._log.wait(after, seconds=seconds)
            except LogGap as found:
                self._ask_for_repair(after)
                self._gap = found
        if self._is_being_repaired():
            raise LogUnavailable("the log has lost its end, and is being repaired")
        declared, self._gap = self._gap, None
        raise declared

    def _ask_for_repair(self, after: Cursor) -> None:
        """Ask the sweep for it; not for a log that was emptied or trimmed."""
        recovery = self._log.recovery()
        self._given_up_at = self._clock()
        if conf.SWEEP_INTERVAL and recovery.missing([after]):
            self._given_up_at += SWEEPS * conf.SWEEP_INTERVAL
            recovery.request(after)

    def _is_being_repaired(self) -> bool:
        if self._clock() >= self._given_up_at:
            return False
        return not self._log.recovery().is_declared()
