"""How long a stream may last: no longer than the session that it was opened with."""

import random
import time
from typing import Any

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
    rows = session.model.objects.filter(session_key=session.session_key)
    expires_at = rows.values_list("expire_date", flat=True).first()
    return expires_at.timestamp() if expires_at else 0.0
