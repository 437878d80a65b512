"""A site with people, what they do and receive, and the oracle of it."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from typing import Any, NamedTuple

from tests.system.crowd import Stream
from tests.system.eventsource import Received
from tests.system.faults import RESET
from tests.system.ledger import Key, Ledger
from tests.system.members import Member
from tests.system.server import Site, wait_for

EVENTS = ("new_question", "new_answer")
# The bell counts up to this number.
COUNT_LIMIT = 100
# An inbox shows this many events at least, if there are as many.
SHOWN_EVENTS = 100
# The last event that all are sent is looked for among this many.
LAST_EVENTS = 20
KEYS = {"new_question": "question_id", "new_answer": "answer_id"}

_START = """
from tests.system import life
life.current = life.Life(seed=SEED, people=PEOPLE, slugs=SLUGS)
"""
_RUN = """
import json
from tests.system import life
print(json.dumps(life.current.run(COUNT, calm=CALM)))
"""
_FOLLOW = """
from django.contrib.auth.models import User
from notifications.api import follow
for pk in PEOPLE:
    follow(User.objects.get(pk=pk), TOPIC)
"""
_ASK = """
import json
from django.contrib.auth.models import User
from tests.system import life
stranger, _ = User.objects.get_or_create(username="stranger")
print(json.dumps(life.current.ask(stranger.pk, SLUG)))
"""
_INBOXES = """
import json
from django.contrib.auth.models import User
from notifications.models import Event, Inbox
from notifications.publishing.unseen import unseen_rows
found = {}
for pk in PEOPLE:
    inbox = Inbox(User.objects.get(pk=pk))
    keys = [each.pk for each in inbox.events()]
    events = Event.objects.in_bulk(keys)
    shown = [[events[key].type, events[key].payload] for key in keys]
    found[pk] = [shown, len(unseen_rows(Inbox(inbox.user), up_to=None))]
print(json.dumps(found))
"""
_CURSORS = """
SELECT type, CAST(payload AS text), cursor FROM notifications_event
WHERE relayed IS NOT NULL
"""
_PENDING = """
SELECT (SELECT count(*) FROM notifications_event WHERE relayed IS NULL)
    + (SELECT count(*) FROM notifications_control)
"""


class Story:
    """People of a site, and what they do; the same for the same seed."""

    def __init__(
        self, site: Site, people: Sequence[Member], slugs: Sequence[str], *, seed: int
    ) -> None:
        self.site = site
        self.people = [each.pk for each in people]
        self.ledger = Ledger(self.people)
        self._slugs = slugs
        self._shell(_START, SEED=seed, PEOPLE=self.people, SLUGS=slugs)

    def _shell(self, code: str, **values: Any) -> str:
        for name, value in values.items():
            code = code.replace(name, repr(value))
        return self.site.shell(code)

    def follow(self, topic: str) -> None:
        """Let all follow a topic, which nobody changes later."""
        self._shell(_FOLLOW, PEOPLE=self.people, TOPIC=topic)
        self.ledger.note(
            {"act": "level", "person": each, "topic": topic, "level": "follow"}
            for each in self.people
        )

    def act(self, count: int, *, calm: bool = False) -> None:
        """Let this many things happen."""
        self.ledger.note(json.loads(self._shell(_RUN, COUNT=count, CALM=calm)))

    def ask(self, slug: str) -> Key:
        """Ask a question as nobody of these people; return its event."""
        notes = json.loads(self._shell(_ASK, SLUG=slug))
        self.ledger.note(notes)
        [[name, pk]] = [note["event"] for note in notes if note["act"] == "event"]
        return name, pk

    def settle(self) -> None:
        """Wait until what happens is relayed as it happens, after an outage."""

        def is_relayed_at_once() -> bool:
            self.ask(self._slugs[0])
            return self.site.database.rows(_PENDING) == [(0,)]

        wait_for(is_relayed_at_once, what="the outbox to be empty")

    def inboxes(self) -> dict[int, tuple[list[Key], int]]:
        """Return, by person, the inbox, oldest first, and the number on the bell."""
        found = json.loads(self._shell(_INBOXES, PEOPLE=self.people))
        return {
            int(pk): ([key_of(*each) for each in reversed(shown)], count)
            for pk, (shown, count) in found.items()
        }

    def cursors(self) -> dict[Key, str]:
        """Return where in the log each event is."""
        return {
            key_of(name, json.loads(payload)): cursor
            for name, payload, cursor in self.site.database.rows(_CURSORS)
        }


def key_of(name: str, payload: dict[str, Any]) -> Key:
    """Return the key of an event by its type and payload."""
    return name, payload[KEYS[name]]


def received(*streams: Stream) -> list[tuple[Key, str]]:
    """Return the events of a person's streams, by key, with their uids."""
    return [
        (key_of(each.name, each.fields), each.uid)
        for stream in streams
        for each in list(stream.events)
        if each.name in EVENTS
    ]


def wait_for_key(streams: Iterable[Stream], key: Key, *, seconds: float) -> None:
    """Wait until each of the streams has received an event, which is among its last."""
    for stream in streams:
        wait_for(
            lambda s=stream: _has(s, key),
            what=f"{key}; statuses: {stream.statuses[-5:]}",
            seconds=seconds,
        )


def _has(stream: Stream, key: Key) -> bool:
    return any(
        key_of(each.name, each.fields) == key
        for each in stream.events[-LAST_EVENTS:]
        if each.name == key[0]
    )


def kept(stream: Stream) -> list[Key]:
    """Return the events of a stream that it was not told to remove again."""
    removed = {each.fields["uid"] for each in stream.named("retracted")}
    return [key for key, uid in received(stream) if uid not in removed]


class Faults(NamedTuple):
    """What is wrong with what the streams of a person received."""

    lost: Set[Key] = frozenset()
    double: Set[Key] = frozenset()
    foreign: Set[Key] = frozenset()
    # The uids of retracted events that they were not told to remove again.
    kept: Set[str] = frozenset()
    # How often the client had to reload; what it had missed until then is not lost.
    resets: int = 0


def compare(story: Story, person: int, *streams: Stream) -> Faults:
    """Compare with the oracle what a person's streams received, one after the other."""
    ledger, got = story.ledger, received(*streams)
    keys, sent = [key for key, _ in got], {*ledger.sent[person]}
    missing = sent - {*keys} - ledger.retracted
    reloaded_at = _last_reload(ledger, *streams)
    lost = {key for key in missing if ledger.time_of(key) > reloaded_at}
    foreign = {*keys} - sent
    decided_later = {
        key
        for key in _missed_at_first(story, lost | foreign, *streams)
        if ledger.is_for(key, person) is (key in foreign)
    }
    return Faults(
        lost=lost - decided_later,
        double={key for key, count in Counter(keys).items() if count > 1},
        foreign=foreign - decided_later,
        kept={uid for key, uid in got if key in ledger.removed[person]}
        - {each.fields["uid"] for each in _named("retracted", *streams)},
        resets=len(_named(RESET, *streams)),
    )


def _missed_at_first(story: Story, keys: Set[Key], *streams: Stream) -> Set[Key]:
    """Return those events that the client was away for.

    Who comes back is sent what is for them then: they may have unfollowed meanwhile, or
    ended a mute.
    """
    if not keys:
        return keys
    # Retracted events have no row any more.
    cursors = story.cursors() | {
        key_of(each.name, each.fields): each.id
        for each in _named(EVENTS[0], *streams) + _named(EVENTS[1], *streams)
    }
    away = [
        (_position(resumed_from), _position(reached))
        for stream in streams
        for resumed_from, reached in stream.catch_ups
        if resumed_from
    ]
    return {
        key
        for key in keys
        if any(after < _position(cursors[key]) <= until for after, until in away)
    }


def _position(cursor: str) -> tuple[int, ...]:
    return tuple(map(int, cursor.split("-")))


def _named(name: str, *streams: Stream) -> list[Received]:
    return [each for stream in streams for each in stream.named(name)]


def _last_reload(ledger: Ledger, *streams: Stream) -> int:
    """Return when the last event happened that came before the last reset."""
    events = [each for stream in streams for each in list(stream.events)]
    resets = [number for number, each in enumerate(events) if each.name == RESET]
    after = events[resets[-1] :] if resets else []
    first = next((each for each in after if each.name in EVENTS), None)
    return ledger.time_of(key_of(first.name, first.fields)) - 1 if first else 0
