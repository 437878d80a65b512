"""The rows: follows and preferences, events (also the outbox), and what is read."""

from notifications.entries import COUNT_LIMIT
from notifications.models.events import (
    LATEST,
    Control,
    Event,
    EventQuerySet,
    EventTopic,
)
from notifications.models.follows import (
    Delivery,
    Follow,
    Level,
    Preference,
    validate_topic,
)
from notifications.models.reading import ReadMark, ReadState
from notifications.models.times import now

__all__ = [
    "COUNT_LIMIT",
    "LATEST",
    "Control",
    "Delivery",
    "Event",
    "EventQuerySet",
    "EventTopic",
    "Follow",
    "Level",
    "Preference",
    "ReadMark",
    "ReadState",
    "now",
    "validate_topic",
]
