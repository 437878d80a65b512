"""Remembers in the session at which level a person followed a topic before.

So a button that unfollows, or mutes, offers the same level again.
"""

from django.http import HttpRequest

from notifications.models import NO_LEVEL, Level

KEY = "notifications_levels"
# Topics of a session; the oldest is forgotten first.
MAX_TOPICS = 20
FOLLOWING = (Level.FOLLOW, Level.WATCH)


def remember(request: HttpRequest, topic: str, *, before: str, level: str) -> None:
    """Remember the level `before` a change to another `level`."""
    session = getattr(request, "session", None)
    if session is None:
        return
    known: dict[str, str] = session.get(KEY, {})
    kept = known.get(topic) if before == Level.MUTE else before
    others = {name: its for name, its in known.items() if name != topic}
    if level not in FOLLOWING and kept in FOLLOWING:
        others[topic] = str(kept)
    changed = dict([*others.items()][-MAX_TOPICS:])
    if changed != known:
        session[KEY] = changed


def offered_level(request: HttpRequest, topic: str, level: str) -> str:
    """Return the level that the button of a topic offers at the current `level`."""
    if level in FOLLOWING:
        return NO_LEVEL
    session = getattr(request, "session", None)
    remembered = None if session is None else session.get(KEY, {}).get(topic)
    return remembered or (NO_LEVEL if level == Level.MUTE else Level.FOLLOW)
