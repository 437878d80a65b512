"""The site of a run: its people, their streams, and what its processes hold."""

import random
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.system.crowd import Crowd, Stream, wait_until_live
from tests.system.faults import RESET
from tests.system.ledger import Key
from tests.system.members import Member, Members
from tests.system.processes import resident_bytes, total_descriptors
from tests.system.proxy import Proxy
from tests.system.publisher import Publisher, due, published, wait_for_event
from tests.system.server import Site
from tests.system.story import Faults, Story, compare, key_of, wait_for_key
from tests.system.topics import asking

PEOPLE, TOPICS = 40, 20
# Streams of a topic that gets events all the time, and of one that gets none.
LISTENERS, BYSTANDERS = 20, 200
EVENTS_PER_SECOND = 20
DELIVERED_SECONDS = 60.0
# How many questions all people are notified about, during each fault.
QUESTIONS = 5
SOURCES = {"new_question": "question", "new_answer": "answer"}

_ROWS = """
SELECT event.cursor, event.created, event.relayed, event.failure, topic.topic
FROM notifications_event event
JOIN notifications_eventtopic topic ON topic.event_id = event.id
WHERE event.source = %(source)s
"""
_FOLLOWS = """
SELECT 'follows', topic, level, created FROM notifications_follow
WHERE user_id = %(person)s
"""


class Held(NamedTuple):
    """What the workers hold, on average."""

    resident_bytes: float
    descriptors: float


@dataclass
class Scene:
    """A site with people who have a stream each; `everybody` is a topic of them all."""

    site: Site
    proxy: Proxy
    crowd: Crowd
    members: Members
    publisher: Publisher
    chance: random.Random
    people: dict[int, Member] = field(init=False)
    everybody: str = field(init=False)
    story: Story = field(init=False)
    # The streams of each person, one after the other; the last one is open.
    streams: dict[int, list[Stream]] = field(init=False)
    # The topic that gets events all the time, and its streams.
    busy: str = field(init=False)
    listeners: list[Stream] = field(init=False)
    # The cursor before everything.
    first_cursor: str = field(init=False)

    def begin(self, *, seed: int) -> None:
        """Let the people come."""
        self.everybody, *topics = self.members.make_topics(TOPICS + 1)
        self.people = {each.pk: each for each in self.members.join(PEOPLE)}
        slugs = [topic.removeprefix("topic:") for topic in topics]
        self.story = Story(self.site, [*self.people.values()], slugs, seed=seed)
        self.story.follow(self.everybody)
        self.story.settle()
        self.streams = {
            pk: [self.crowd.open(session=each.session)]
            for pk, each in self.people.items()
        }
        self.busy, quiet = self.members.make_topics(2)
        self.listeners = self._open(self.busy, LISTENERS)
        bystanders = self._open(quiet, BYSTANDERS)
        wait_until_live([*self.open_streams(), *self.listeners, *bystanders])
        self.first_cursor = self.open_streams()[0].last_event_id

    def _open(self, topic: str, count: int) -> list[Stream]:
        return [self.crowd.open(asking([topic])) for _ in range(count)]

    def busily(self) -> AbstractContextManager[None]:
        """Publish events to the busy topic while the block runs."""
        return self.publisher.steadily(EVENTS_PER_SECOND, lambda _: [self.busy])

    def compare_listeners(self) -> list[str]:
        """Return what is wrong with the streams of the busy topic."""
        last = self.publisher.publish(self.busy)
        wait_for_event(self.listeners, last)
        # After an outage the log has another order than the rows.
        events = sorted(published(self.site.database), key=lambda each: each.cursor)
        wanted = due(events, {self.busy})
        return [
            f"a listener got {len(got)} of {len(wanted)}: {_differences(got, wanted)}"
            for stream in self.listeners
            if not _is_complete(got := stream.uids, wanted, stream)
        ]

    def open_streams(self) -> list[Stream]:
        """Return the stream that each person has now."""
        return [streams[-1] for streams in self.streams.values()]

    def compare(self) -> dict[int, Faults]:
        """Wait until everything is delivered; return what is wrong, by person."""
        self.story.settle()
        last = self.story.ask(self.everybody.removeprefix("topic:"))
        wait_for_key(self.open_streams(), last, seconds=DELIVERED_SECONDS)
        found = {
            pk: compare(self.story, pk, *streams)
            for pk, streams in self.streams.items()
        }
        return {pk: faults for pk, faults in found.items() if faults != Faults()}

    def ask_everybody(self) -> None:
        """Ask some questions that all people are notified about."""
        for _ in range(QUESTIONS):
            self.story.ask(self.everybody.removeprefix("topic:"))

    def rows_of(self, key: Key) -> list[Any]:
        """Return what the outbox has of an event, by topic."""
        name, number = key
        return self.site.database.rows(
            _ROWS, source=f"{name}:qa.{SOURCES[name]}:{number}"
        )

    def frames_of(self, key: Key, person: int) -> list[str]:
        """Return the cursors at which a person was sent an event."""
        return [
            each.id
            for stream in self.streams[person]
            for each in list(stream.events)
            if each.name == key[0] and key_of(each.name, each.fields) == key
        ]

    def follows_of(self, person: int) -> list[Any]:
        """Return what a person follows."""
        return self.site.database.rows(_FOLLOWS, person=person)

    def held(self) -> Held:
        """Return what the workers hold now, on average."""
        workers = self.site.workers()
        return Held(
            resident_bytes=sum(map(resident_bytes, workers)) / len(workers),
            descriptors=total_descriptors(workers) / len(workers),
        )

    def deliveries(self) -> int:
        """Return how many events the people received so far."""
        return sum(
            len(stream.uids) for streams in self.streams.values() for stream in streams
        )


def _is_complete(got: list[str], wanted: list[str], stream: Stream) -> bool:
    """Tell whether a stream got everything once, since its last reset if it had one."""
    resets = [number for number, each in enumerate(stream.events) if each.name == RESET]
    since = [each.uid for each in stream.events[resets[-1] :]] if resets else got
    uids = [uid for uid in since if uid]
    return uids == wanted[len(wanted) - len(uids) :] and len({*got}) == len(got)


def _differences(got: list[str], wanted: list[str]) -> str:
    double = [uid for uid, count in Counter(got).items() if count > 1]
    return f"missing {sorted({*wanted} - {*got})}, double {double}"
