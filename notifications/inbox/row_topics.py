"""The topics of the rows of an inbox: why the person has them, and what to mute."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from notifications.models import Event, Inbox, Level
from notifications.protocol import topics
from notifications.publishing.event_types import EventType
from notifications.publishing.followables import TopicName, names_of


@dataclass(frozen=True, slots=True)
class FollowedTopic:
    """A topic of an event, and the level at which the person follows it, if they do.

    `text` is the sentence that tells why the person has the row.
    """

    topic: str
    level: str
    label: str
    text: str = ""


class FollowedTopics:
    """The topics of some events, with a person's levels and the names to show."""

    def __init__(self, inbox: Inbox, events: Iterable[Event]) -> None:
        names = {topic for event in events for topic in event.topics}
        visible = {name for name in names if inbox.permissions.may_see(name)}
        self._levels = {
            topic: row.level
            for topic, row in inbox.follows.items()
            if topic in visible and row.level != Level.MUTE
        }
        self._names = names_of(visible)

    def reasons(self, event: Event) -> tuple[FollowedTopic, ...]:
        """Return the topics that put an event into the person's inbox."""
        if topics.EVERYONE in event.topics:
            text = _("Sent to everyone")
            return (FollowedTopic(topics.EVERYONE, "", text, text),)
        thread = _thread_topic(event)
        return tuple(
            FollowedTopic(
                topic,
                self._levels[topic],
                self._label(topic),
                self._reason(topic, is_thread=topic == thread),
            )
            for topic in event.topics
            if topic in self._levels
        )

    def mutable_topics(self, event: Event) -> tuple[FollowedTopic, ...]:
        """Return the topics that the person can mute: those that have a name."""
        return tuple(
            FollowedTopic(topic, self._levels.get(topic, ""), self._label(topic))
            for topic in event.topics
            if topic in self._names
        )

    def _label(self, topic: str) -> str:
        found = self._names.get(topic)
        return found.label if found else topic

    def _reason(self, topic: str, *, is_thread: bool) -> str:
        """Return why the person has a row, in few words."""
        name = self._names.get(topic, TopicName("", ""))
        if name.name and not name.noun:
            return capfirst(name.name)
        watched = self._levels[topic] == Level.WATCH
        if is_thread and name.noun:
            text = (
                _("You watch this %(noun)s")
                if watched
                else _("You follow this %(noun)s")
            )
        elif name.is_person or not name.name:
            text = _("You watch %(name)s") if watched else _("You follow %(name)s")
        else:
            text = (
                _("You watch the %(noun)s “%(name)s”")
                if watched
                else _("You follow the %(noun)s “%(name)s”")
            )
        return text % {"noun": name.noun, "name": name.name or topic}


def _thread_topic(event: Event) -> str:
    """Return the topic of the object that the event's thread is about, or ''."""
    known = EventType.registry.get(event.type)
    return known.thread_topic(event.payload) if known else ""
