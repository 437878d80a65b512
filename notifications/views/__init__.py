"""The views: streams, the inbox, follows and preferences."""

from notifications.views.follows import follow
from notifications.views.inbox import inbox
from notifications.views.marking import read, rows, seen
from notifications.views.preferences import preferences
from notifications.views.readiness import ready
from notifications.views.streams import poll, stream

__all__ = [
    "follow",
    "inbox",
    "poll",
    "preferences",
    "read",
    "ready",
    "rows",
    "seen",
    "stream",
]
