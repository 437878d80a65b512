"""The admin: events, follows, announcements, explanations and the page "Live"."""

from notifications.admin.events import EventAdmin, FollowAdmin

__all__ = ["EventAdmin", "FollowAdmin"]
