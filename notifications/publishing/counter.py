"""The counter: a thread in each web process that counts and relays unseen counts.

So a request that changes what a person has seen, read or follows does not wait for its
count. The rows of due counts are committed with the change: what this thread leaves
out, the sweep relays.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from django.db import DatabaseError, connections

from notifications import databases
from notifications.exceptions import LogUnavailable
from notifications.lib.batches import batches
from notifications.lib.log_throttle import RateLimitFilter
from notifications.lib.queue_thread import QueueThread
from notifications.log.connections import patiently
from notifications.models import DueCount
from notifications.publishing.unseen import COUNT_BATCH, relay_counts

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How many transactions may wait to be counted; the others are left to the sweep.
MAX_WAITING = 1_000


class Due(NamedTuple):
    """The due counts of a transaction, and the alias of its database."""

    alias: str
    rows: Sequence[DueCount]


def count(waiting: Sequence[Due]) -> None:
    """Relay the counts of transactions; those that cannot be relayed stay due."""
    rows = defaultdict[str, list[DueCount]](list)
    for each in waiting:
        rows[each.alias] += each.rows
    try:
        for alias, due in rows.items():
            with databases.write_path(alias), patiently():
                # All rows of a person together: they make one count.
                due.sort(key=lambda row: str(row.user_id))
                for some in batches(due, COUNT_BATCH):
                    relay_counts(some)
    except (LogUnavailable, DatabaseError) as error:
        logger.warning("count=postponed reason=%r", str(error))
    finally:
        connections.close_all()


counter = QueueThread(count, name="notifications-counter", limit=MAX_WAITING)
