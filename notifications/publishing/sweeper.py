"""The sweeper: a thread in each web process that relays what is left in the outbox.

Before each sweep it writes a probe to the log, for the hub to read.
"""

import logging

from django.db import DatabaseError, connections

from notifications import databases
from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.lib.periodic_thread import PeriodicThread
from notifications.log.connections import patiently
from notifications.log.stream import shared_log
from notifications.publishing import outbox
from notifications.publishing.lost_entries import lost_entries
from notifications.publishing.postponed import relay_postponed

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How long the sweep waits for more relays to fail, after one has.
SOON_SECONDS = 0.5


def sweep() -> None:
    """Sweep once; rows that cannot be relayed stay pending until the next sweep."""
    try:
        with patiently():
            shared_log().probe()
            _check_rights()
            aliases = databases.recorded_aliases()
            lost_entries.relay(aliases)
            for alias in aliases:
                _sweep_database(alias)
    except (LogUnavailable, DatabaseError) as error:
        shared_log().rights.is_due = True
        logger.warning("sweep=postponed reason=%r", str(error))
    finally:
        connections.close_all()


def _check_rights() -> None:
    """Say what Redis refuses, if anything; what it does not refuse goes on."""
    rights = shared_log().rights
    if rights.is_due:
        try:
            rights.check()
        except LogUnavailable as error:
            logger.warning("redis=refuses reason=%r", str(error))


def _sweep_database(alias: str) -> None:
    """Sweep one database; if it fails, the others are swept all the same."""
    try:
        with databases.write_path(alias):
            relayed = outbox.sweep()
    except DatabaseError as error:
        logger.warning("sweep=postponed reason=%r database=%s", str(error), alias)
    else:
        if relayed:
            logger.info("sweep=done relayed=%d", relayed)


# Sweeps when it starts, again every SWEEP_INTERVAL seconds, and soon after a relay has
# failed.
sweeper = PeriodicThread(
    sweep,
    name="notifications-sweeper",
    interval=lambda: conf.SWEEP_INTERVAL,
    soon=relay_postponed,
    soon_seconds=SOON_SECONDS,
)
