"""Digests of sessions and logins, which identify them without giving them away."""

import hashlib
from typing import Any

# The model of sessions that are stored in the database; their deletion sends a signal.
# A label, since importing the model would require Django's settings.
DATABASE_SESSION_MODEL = "sessions.Session"


def is_database_session(session: Any) -> bool:
    """Tell whether a session, or None, is stored as a row of the database."""
    model = getattr(session, "model", None)
    return model is not None and model._meta.label == DATABASE_SESSION_MODEL


def session_digest(session_key: str | None) -> str:
    """Return the digest of a session key; empty for no session."""
    return digest(session_key) if session_key else ""


def login_digest(user: Any) -> str:
    """Return the digest of a user's logins, which changes with the password.

    It is empty for a user model without passwords.
    """
    session_auth_hash = getattr(user, "get_session_auth_hash", None)
    return digest(session_auth_hash()) if session_auth_hash else ""


def digest(text: str) -> str:
    """Return a text of 32 characters that identifies another one."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
