"""The thread that sweeps the outbox, one in each web process; never at import.

Before each sweep it writes a probe, which the hub's reading of the log should hear.
"""

import logging
from typing import Any

from django.db import DatabaseError, connections

from notifications import outbox
from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.log import shared_log
from notifications.repeater import Repeater
from notifications.throttle import Throttle

logger = logging.getLogger(__name__)
logger.addFilter(Throttle())


class Sweeper:
    """Sweeps at once when it starts, and then every SWEEP_INTERVAL seconds."""

    def __init__(self) -> None:
        self._sweeping = Repeater(
            self.sweep,
            name="notifications-sweeper",
            seconds=lambda: conf.SWEEP_INTERVAL,
        )
        # Threads of their own: a sweep after a long outage takes its time.
        self._beside: list[Repeater] = []

    def take_along(self, repeater: Repeater) -> None:
        """Start and stop something else with the sweeping, in the same processes."""
        self._beside.append(repeater)

    def start(self, **signal: Any) -> None:
        """Start the threads that are wanted and do not run yet."""
        for repeater in (self._sweeping, *self._beside):
            repeater.start()

    def stop(self) -> None:
        """End the threads and wait for them; harmless when there are none."""
        for repeater in (self._sweeping, *self._beside):
            repeater.stop()

    def sweep(self) -> None:
        """Sweep once; what fails stays pending and is tried again the next time."""
        try:
            shared_log().probe()
            relayed = outbox.sweep()
            if relayed:
                logger.info("sweep=done relayed=%d", relayed)
        except (LogUnavailable, DatabaseError) as error:
            logger.warning("sweep=postponed reason=%r", str(error))
        finally:
            connections.close_all()


sweeper = Sweeper()
