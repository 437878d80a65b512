"""The thread that sweeps the outbox, one in each web process; never at import.

Before each sweep it writes a probe, which the hub's reading of the log should hear.
"""

import logging
import threading
from typing import Any

from django.db import DatabaseError, connections

from notifications import outbox
from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.log import shared_log
from notifications.throttle import Throttle

logger = logging.getLogger(__name__)
logger.addFilter(Throttle())


class Sweeper:
    """Sweeps at once when it starts, and then every SWEEP_INTERVAL seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, **signal: Any) -> None:
        """Start the thread, if the settings want one and it does not run yet."""
        if self._runs() or not conf.SWEEP_INTERVAL:
            return
        with self._lock:
            if not self._runs():
                self._stopping.clear()
                self._thread = threading.Thread(
                    target=self._run, name="notifications-sweeper", daemon=True
                )
                self._thread.start()

    def _runs(self) -> bool:
        # An error of ours may have ended it; the next request starts it again.
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """End the thread and wait for it; harmless when there is none."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._stopping.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.sweep()
            self._stopping.wait(conf.SWEEP_INTERVAL)

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
