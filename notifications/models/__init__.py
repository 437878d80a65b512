"""The rows: follows and preferences, events (also the outbox), and what is read."""

from notifications.models.events import (
    LATEST,
    Control,
    Event,
    EventQuerySet,
    EventTopic,
)
from notifications.models.follows import (
    NO_LEVEL,
    Delivery,
    Follow,
    Level,
    Preference,
    validate_topic,
)
from notifications.models.reading import ReadMark, ReadState
from notifications.models.times import now
from notifications.protocol.entries import COUNT_LIMIT

__all__ = [
    "COUNT_LIMIT",
    "LATEST",
    "NO_LEVEL",
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
