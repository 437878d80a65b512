"""The rows: follows and preferences, events and the outbox, and the read state."""

from notifications.models.actors import Actor, actors_of, shown_names, site_language
from notifications.models.event_topics import EventTopic
from notifications.models.events import Event, EventQuerySet, load_actors
from notifications.models.followed import FollowRow, level_of, paused_until
from notifications.models.follows import (
    NO_LEVEL,
    Follow,
    Level,
    validate_topic,
)
from notifications.models.inbox import SEARCHED_EVENTS, Inbox, UnreadRows
from notifications.models.inbox_events import InboxEvent, Selection, View
from notifications.models.outbox import Control, DueCount
from notifications.models.pending import (
    forget_read,
    forget_seen,
    is_marked_pending,
    pending_events,
)
from notifications.models.permissions import TopicPermissions
from notifications.models.preferences import Delivery, Preference
from notifications.models.reading import ReadMark, ReadState
from notifications.models.row_states import RowState, undo_rows
from notifications.models.schedules import PersonalTime, Schedule, personal_time
from notifications.models.selected_rows import SelectedRows
from notifications.models.times import now
from notifications.protocol.entries import COUNT_LIMIT

__all__ = [
    "COUNT_LIMIT",
    "NO_LEVEL",
    "SEARCHED_EVENTS",
    "Actor",
    "Control",
    "Delivery",
    "DueCount",
    "Event",
    "EventQuerySet",
    "EventTopic",
    "Follow",
    "FollowRow",
    "Inbox",
    "InboxEvent",
    "Level",
    "PersonalTime",
    "Preference",
    "ReadMark",
    "ReadState",
    "RowState",
    "Schedule",
    "SelectedRows",
    "Selection",
    "TopicPermissions",
    "UnreadRows",
    "View",
    "actors_of",
    "forget_read",
    "forget_seen",
    "is_marked_pending",
    "level_of",
    "load_actors",
    "now",
    "paused_until",
    "pending_events",
    "personal_time",
    "shown_names",
    "site_language",
    "undo_rows",
    "validate_topic",
]
