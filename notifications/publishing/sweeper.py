"""The sweeper: a thread in each web process that relays what is left in the outbox.

Before each sweep it writes a probe to the log, for the hub to read.
"""

import logging

from django.db import DatabaseError, connections

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.lib.periodic_thread import PeriodicThread
from notifications.log.stream import shared_log
from notifications.publishing import outbox

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())


def sweep() -> None:
    """Sweep once; rows that cannot be relayed stay pending until the next sweep."""
    try:
        shared_log().probe()
        relayed = outbox.sweep()
        if relayed:
            logger.info("sweep=done relayed=%d", relayed)
    except (LogUnavailable, DatabaseError) as error:
        logger.warning("sweep=postponed reason=%r", str(error))
    finally:
        connections.close_all()


# Sweeps when it starts, and again every SWEEP_INTERVAL seconds.
sweeper = PeriodicThread(
    sweep, name="notifications-sweeper", interval=lambda: conf.SWEEP_INTERVAL
)
