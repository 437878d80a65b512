"""The admin: events, follows, announcements, explanations and the Live page."""

from notifications.admin.events import EventAdmin, FollowAdmin

__all__ = ["EventAdmin", "FollowAdmin"]
