"""People follow, post, delete, lose connections and Redis: all that they see agrees.

What each stream received, what a replay brings, the inbox and the bell are compared
with an oracle, and so with each other. The site reads from a replica.
"""

import random

import pytest

from tests.effort import either
from tests.system.crowd import Crowd, wait_until_live
from tests.system.faults import PATIENT
from tests.system.members import Members
from tests.system.story import (
    COUNT_LIMIT,
    SHOWN_EVENTS,
    Faults,
    Story,
    compare,
    kept,
    wait_for_key,
)

PEOPLE, TOPICS = either(20, thorough=100), either(12, thorough=40)
ROUNDS, ACTS = either(4, thorough=40), either(60, thorough=500)
ACTS_OF_AN_OUTAGE = 15
DELIVERED_SECONDS = either(30, thorough=600)


@pytest.fixture(scope="module")
def fault_environment():
    return {
        **PATIENT,
        "NOTIFICATIONS_REDIS_BREAKER_TIMEOUT": "0.2",
        "DJANGO_SETTINGS_MODULE": "tests.system.replica",
    }


@pytest.fixture
def crowd(mended):
    with Crowd(mended) as crowd:
        yield crowd


@pytest.fixture
def members(mended):
    with Members(mended) as members:
        yield members


def test_streams_replays_inboxes_and_bells_agree(mended, proxy, crowd, members):
    chance = random.Random(6)
    everybody, *topics = members.make_topics(TOPICS + 1)
    people = members.join(PEOPLE)
    slugs = [topic.removeprefix("topic:") for topic in topics]
    story = Story(mended, people, slugs, seed=5)
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
    everyone = [*streams.values(), *replays.values()]
    wait_for_key(everyone, last, seconds=DELIVERED_SECONDS)

    ledger, inboxes = story.ledger, story.inboxes()
    for pk in story.people:
        due, (shown, bell) = ledger.inbox(pk), inboxes[pk]
        assert compare(story, pk, streams[pk]) == Faults()
        # A process that has not read a retraction yet tells of it after the replay.
        replayed = kept(replays[pk])
        # Not in its order: after an outage only the events of each topic keep theirs.
        assert sorted(replayed) == sorted(due)
        assert shown == replayed[-len(shown) :]
        assert len(shown) == len(due) or len(shown) >= SHOWN_EVENTS
        assert bell == min(len(due), COUNT_LIMIT)
    assert sum(map(len, ledger.sent.values())) > PEOPLE
    assert ledger.retracted
