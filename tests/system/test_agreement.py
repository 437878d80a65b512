"""People follow, post, delete, lose connections and Redis: all that they see agrees.

What each stream received, what a replay brings, the inbox and the bell are compared
with an oracle, and so with each other.
"""

import json
import random
from collections import Counter

import pytest

from tests.effort import either
from tests.system.crowd import Crowd, wait_until_live
from tests.system.faults import PATIENT, RESET
from tests.system.ledger import Ledger
from tests.system.members import Members
from tests.system.server import wait_for

PEOPLE, TOPICS = either(20, thorough=100), either(12, thorough=40)
ROUNDS, ACTS = either(4, thorough=40), either(60, thorough=500)
ACTS_OF_AN_OUTAGE = 15
COUNT_LIMIT = 100
EVENTS = ("new_question", "new_answer")
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
from notifications.publishing.unseen import count_unseen
found = {}
for pk in PEOPLE:
    inbox = Inbox(User.objects.get(pk=pk))
    keys = [each.pk for each in inbox.events()]
    events = Event.objects.in_bulk(keys)
    shown = [[events[key].type, events[key].payload] for key in keys]
    found[pk] = [shown, count_unseen(Inbox(inbox.user), up_to=None)]
print(json.dumps(found))
"""
_PENDING = """
SELECT (SELECT count(*) FROM notifications_event WHERE relayed IS NULL)
    + (SELECT count(*) FROM notifications_control)
"""


@pytest.fixture(scope="module")
def fault_environment():
    return {**PATIENT, "NOTIFICATIONS_REDIS_BREAKER_TIMEOUT": "0.2"}


@pytest.fixture
def crowd(mended):
    with Crowd(mended) as crowd:
        yield crowd


@pytest.fixture
def members(mended):
    with Members(mended) as members:
        yield members


class Story:
    """A site with people, what they do, and the oracle of it."""

    def __init__(self, site, people, slugs):
        self.site = site
        self.people = [each.pk for each in people]
        self.ledger = Ledger(self.people)
        self._slugs = slugs
        self._shell(_START, SEED=5, PEOPLE=self.people, SLUGS=slugs)

    def _shell(self, code, **values):
        for name, value in values.items():
            code = code.replace(name, repr(value))
        return self.site.shell(code)

    def follow(self, topic):
        """Let all follow a topic, which nobody changes later."""
        self._shell(_FOLLOW, PEOPLE=self.people, TOPIC=topic)
        self.ledger.note(
            {"act": "level", "person": each, "topic": topic, "level": "follow"}
            for each in self.people
        )

    def act(self, count, *, calm=False):
        """Let this many things happen."""
        self.ledger.note(json.loads(self._shell(_RUN, COUNT=count, CALM=calm)))

    def ask(self, slug):
        """Ask a question as nobody of these people; return its event."""
        notes = json.loads(self._shell(_ASK, SLUG=slug))
        self.ledger.note(notes)
        [key] = [tuple(note["event"]) for note in notes if note["act"] == "event"]
        return key

    def settle(self):
        """Wait until what happens is relayed as it happens, after an outage."""

        def is_relayed_at_once():
            self.ask(self._slugs[0])
            return self.site.database.rows(_PENDING) == [(0,)]

        wait_for(is_relayed_at_once, what="the outbox to be empty")

    def inboxes(self):
        """Return, by person, the inbox, oldest first, and the number on the bell."""
        found = json.loads(self._shell(_INBOXES, PEOPLE=self.people))
        return {
            int(pk): ([key_of(*each) for each in reversed(shown)], count)
            for pk, (shown, count) in found.items()
        }


def key_of(name, payload):
    return name, payload[KEYS[name]]


def received(stream):
    """Return the events of a stream, by key, with their uids."""
    return [
        (key_of(each.name, each.fields), each.uid)
        for each in list(stream.events)
        if each.name in EVENTS
    ]


def test_streams_replays_inboxes_and_bells_agree(mended, proxy, crowd, members):
    chance = random.Random(6)
    everybody, *topics = members.make_topics(TOPICS + 1)
    people = members.join(PEOPLE)
    slugs = [topic.removeprefix("topic:") for topic in topics]
    story = Story(mended, people, slugs)
    story.follow(everybody)
    story.settle()
    streams = {each.pk: crowd.open(session=each.session) for each in people}
    wait_until_live(streams.values())
    start = {pk: stream.last_event_id for pk, stream in streams.items()}

    for _ in range(ROUNDS):
        story.act(ACTS)
        for stream in chance.sample(list(streams.values()), PEOPLE // 4):
            crowd.break_off(stream)
        proxy.cut()
        story.act(ACTS_OF_AN_OUTAGE, calm=True)
        proxy.mend()
        story.settle()
    last = story.ask(everybody.removeprefix("topic:"))
    replays = {
        each.pk: crowd.open(session=each.session, last_event_id=start[each.pk])
        for each in people
    }
    for stream in [*streams.values(), *replays.values()]:
        wait_for(lambda s=stream: last in dict(received(s)), what=f"{last}")

    ledger, inboxes = story.ledger, story.inboxes()
    for pk in story.people:
        due, (shown, bell) = ledger.inbox(pk), inboxes[pk]
        assert_live(streams[pk], ledger, pk)
        replayed = [key for key, _ in received(replays[pk])]
        # Not in its order: after an outage only the events of each topic keep theirs.
        assert sorted(replayed) == sorted(due)
        assert shown == replayed[-len(shown) :]
        assert len(shown) == len(due) or len(shown) >= COUNT_LIMIT
        assert bell == min(len(due), COUNT_LIMIT)
    assert sum(map(len, ledger.told.values())) > PEOPLE
    assert ledger.retracted


def assert_live(stream, ledger, person):
    """Check what a person's stream received, and what it was told to remove again."""
    got = received(stream)
    keys, told = [key for key, _ in got], {*ledger.told[person]}
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    assert {*keys} - told == set()
    assert told - {*keys} - ledger.retracted == set()
    gone = {each.fields["uid"] for each in stream.named("retracted")}
    assert {uid for key, uid in got if key in ledger.removed[person]} <= gone
    assert stream.named(RESET) == []
