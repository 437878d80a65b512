"""What ties a stream to a login, as digests that may travel in the log. Pure."""

import hashlib
from typing import Any

# Of sessions that are kept as rows, whose deletion is a signal.
SESSION_MODEL = "sessions.Session"


def is_row(session: Any) -> bool:
    """Tell whether a session, or None, is kept as a row of the database."""
    model = getattr(session, "model", None)
    return model is not None and model._meta.label == SESSION_MODEL


def session_digest(session_key: str | None) -> str:
    """Return what stands for a session; empty for none."""
    return _digest(session_key) if session_key else ""


def login_digest(user: Any) -> str:
    """Return what stands for a person's logins; another one after a new password.

    Empty for a user model without passwords.
    """
    hash_of = getattr(user, "get_session_auth_hash", None)
    return _digest(hash_of()) if hash_of else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
