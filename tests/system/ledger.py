"""The oracle: which events each person must get, from the notes of what happened.

It shares no code with the app, so that it cannot repeat a mistake of it.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

# An event, by its type and the primary key of its post.
Key = tuple[str, int]


class Event(NamedTuple):
    """An event, and when it happened, as a number that only grows."""

    key: Key
    author: int
    topics: frozenset[str]
    time: int


class Ledger:
    """What happened so far, and which events these people must get."""

    def __init__(self, people: Iterable[int]) -> None:
        self._time = 0
        # The level and the time of each follow.
        self._follows: dict[int, dict[str, tuple[str, int]]] = {
            person: {} for person in people
        }
        self._events: dict[Key, Event] = {}
        self.retracted: set[Key] = set()
        self._takers = {
            "event": self._happened,
            "delete": self._deleted,
            "follows": self._followed,
            "level": self._changed,
        }
        # What changed the follows of each person, and when.
        self._changes: dict[int, list[tuple[int, str, str]]] = {
            person: [] for person in self._follows
        }
        # What each person is sent live, including what was retracted later.
        self.sent: dict[int, list[Key]] = {person: [] for person in self._follows}
        # What was retracted while it was in a person's inbox.
        self.removed: dict[int, set[Key]] = {person: set() for person in self._follows}

    def note(self, notes: Iterable[dict[str, Any]]) -> None:
        """Take the notes of tests/system/life.py."""
        for note in notes:
            self._time += 1
            self._takers[note["act"]](note)

    def inbox(self, person: int) -> list[Key]:
        """Return what is in a person's inbox, oldest first."""
        return [
            event.key
            for event in self._events.values()
            if event.key not in self.retracted and self._is_for(event, person)
        ]

    def is_for(self, key: Key, person: int) -> bool:
        """Tell whether a person would be sent an event now, were it not retracted."""
        return self._is_for(self._events[key], person)

    def time_of(self, key: Key) -> int:
        """Return when an event happened, as a number that only grows."""
        return self._events[key].time

    def explain(self, key: Key, person: int) -> list[str]:
        """Return an event, and how a person has followed its topics until now."""
        event = self._events[key]
        gone = ", retracted" if key in self.retracted else ""
        return [
            f"{event.time}: {key} by {event.author} to {sorted(event.topics)}{gone}",
            *(
                f"{time}: {topic} {level}"
                for time, topic, level in self._changes[person]
                if topic in event.topics
            ),
        ]

    def _happened(self, note: dict[str, Any]) -> None:
        name, pk = note["event"]
        topics = frozenset(note["topics"])
        event = Event((name, pk), note["author"], topics, self._time)
        self._events[event.key] = event
        for person, sent in self.sent.items():
            if self._is_for(event, person):
                sent.append(event.key)

    def _is_for(self, event: Event, person: int) -> bool:
        follows = self._follows[person]
        levels = [follows[each] for each in event.topics if each in follows]
        return (
            event.author != person
            and all(level != "mute" for level, _ in levels)
            and any(since <= event.time for _, since in levels)
        )

    def _deleted(self, note: dict[str, Any]) -> None:
        gone = {(name, pk) for name, pk in note["events"]}
        for person, removed in self.removed.items():
            removed |= {key for key in gone if self._is_for(self._events[key], person)}
        self.retracted |= gone

    def _followed(self, note: dict[str, Any]) -> None:
        """Follow from now on, unless the person follows or mutes it already."""
        person, topic = note["person"], note["topic"]
        if (follows := self._follows.get(person)) is not None:
            follows.setdefault(topic, ("follow", self._time))
            self._changes[person].append((self._time, topic, "follow, if none"))

    def _changed(self, note: dict[str, Any]) -> None:
        person, topic, level = note["person"], note["topic"], note["level"]
        self._changes[person].append((self._time, topic, level))
        follows = self._follows[person]
        before, since = follows.pop(topic, ("none", self._time))
        if level == "none":
            return
        # A follow that replaces a mute begins anew.
        if before == "mute" and level != "mute":
            since = self._time
        follows[topic] = (level, since)
