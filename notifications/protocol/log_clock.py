"""The clock by which follows and events are compared: that of the log.

Cursors are times of Redis. What a process notes itself must be on the same clock, also
on a machine whose own clock is wrong. No I/O.
"""

from functools import cache

from notifications.lib.server_clock import ServerClock


@cache
def log_clock() -> ServerClock:
    """Return what this process knows of the clock of Redis."""
    return ServerClock()
