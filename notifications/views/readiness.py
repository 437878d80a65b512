"""Whether this process can serve streams and pages, for a load balancer.

It never waits longer than for the limits below and the lag of the replica.
"""

import logging
from typing import Any

from django.db import connections, transaction
from django.db.utils import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from notifications import databases
from notifications.exceptions import LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.lib.shared_result import SharedResult
from notifications.live.hub import shared_hub
from notifications.log.stream import shared_log

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How long ago a process may have read a probe of its own, or reached the database, to
# be ready without another try. So requests for the readiness cost little, however many
# there are.
RECENT_SECONDS = 1.0
# How long a check of the readiness waits for what it writes to be read.
CONFIRM_SECONDS = 1.0
# What a replica may lag behind, at most, for what the process writes to be read later.
MOST_LAG_SECONDS = 1.0
# How long the database may take to accept a connection; the minimum of libpq is 2.
CONNECT_SECONDS = 2


@transaction.non_atomic_requests
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Reply 200 if this process can serve the site, or 503 and why not.

    It can if it reads what it writes to the log, and reaches the database.
    """
    problem = _problem_of_log() or _database.get()
    status = 503 if problem else 200
    return JsonResponse({"ready": not problem, "problem": problem}, status=status)


def _problem_of_log() -> str:
    """Return why events do not reach the streams of this process; empty if they do."""
    log = shared_log()
    try:
        shared_hub().ensure_started()
        if shared_hub().interrupted:
            return f"the log cannot be read: {log.read_failure}"
        if log.rights.problem:
            return log.rights.problem
        lag = min(log.reader.replica_lag or 0.0, MOST_LAG_SECONDS)
        # What the sweep reads of its own probes shows it as well, but is often older.
        if log.seconds_since_probe <= RECENT_SECONDS + lag or log.confirm(
            seconds=CONFIRM_SECONDS + lag
        ):
            return ""
    except LogUnavailable as error:
        return str(error)
    return "its own writes are not read: do both connections reach the same Redis?"


def _problem_of_database() -> str:
    """Return why the database of the events cannot be reached; empty if it can.

    The connection is a new one: those of the pool may all be waiting for the database,
    or be busy, and no limit ends a query on one when the network loses every packet.
    SQLite is a file of this machine.
    """
    connection: Any = connections[databases.write_alias()]
    if connection.vendor != "postgresql":
        return ""
    parameters = connection.get_connection_params()
    parameters["connect_timeout"] = CONNECT_SECONDS
    try:
        with connection.wrap_database_errors:
            connection.Database.connect(**parameters).close()
    except DatabaseError as error:
        # Everyone may read the reply, and this has the database's address.
        logger.warning("database=unreachable reason=%r", str(error))
        return "the database cannot be reached"
    return ""


_database = SharedResult(_problem_of_database, seconds=RECENT_SECONDS)
