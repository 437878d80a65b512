"""How long a stream may last: no longer than the session that it was opened with."""

import random
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from notifications.conf import conf
from notifications.lib.digests import is_database_session

# Stream lifetimes vary by this much in both directions, so that streams that were
# opened at the same time do not all reconnect at the same time.
LIFETIME_SPREAD = 0.2


def stream_lifetime(session_expires_at: float) -> float:
    """Return how long a stream may last, in seconds.

    `session_expires_at` is in seconds since 1970; infinite for no session.
    """
    spread = random.uniform(1 - LIFETIME_SPREAD, 1 + LIFETIME_SPREAD)  # noqa: S311
    seconds = min(conf.STREAM_LIFETIME * spread, session_expires_at - time.time())
    return max(seconds, 0)


def session_expiry(session: Any) -> float:
    """Return when a session expires, in seconds since 1970; 0 for a deleted one.

    A session that is not in the database only has an age, which counts from now.
    """
    if not is_database_session(session):
        return time.time() + float(session.get_expiry_age())
    return latest(session_rows(session).values_list("expire_date", flat=True))


def session_rows(session: Any) -> QuerySet[Any]:
    """Return the row of a session that is in the database, or none."""
    rows: QuerySet[Any] = session.model.objects.filter(session_key=session.session_key)
    return rows


def latest(expiries: Iterable[datetime]) -> float:
    """Return the last of these times in seconds since 1970; 0 if there is none."""
    return max((each.timestamp() for each in expiries), default=0.0)
