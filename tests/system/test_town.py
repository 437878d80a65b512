"""People who follow and mute, disconnect and reconnect: each gets their own events."""

import random

import pytest

from tests.effort import either
from tests.system.crowd import wait_until_live
from tests.system.publisher import due, published, wait_for_event
from tests.system.server import Site, wait_for
from tests.system.town import Town

RATE = 200  # events a second
PEOPLE, TOPICS, TOPICS_EACH = 200, 40, 8
DELIVERIES = either(5_000, thorough=100_000)
# Long enough for a loaded machine; ten or fifteen will do.
PATIENCE_SECONDS = 90
ENVIRONMENT = {
    "NOTIFICATIONS_RETRY_INTERVAL": "0.1",
    "NOTIFICATIONS_LOG_READ_TIMEOUT": "1",
    # A loaded machine is not the fault under test.
    "NOTIFICATIONS_REDIS_TIMEOUT": "5",
}

_FOLLOW = """
from notifications.models import Follow
Follow.objects.bulk_create(
    Follow(user_id=pk, topic=topic) for pk, topics in FOLLOWS for topic in topics
)
"""


@pytest.fixture(scope="module")
def site():
    with Site(workers=2, environment=ENVIRONMENT) as site:
        yield site


def test_people_get_exactly_the_events_of_their_follows(
    site, publisher, crowd, members
):
    chance = random.Random(5)
    *known, everybody = members.make_topics(TOPICS + 1)
    people = members.join(PEOPLE)
    follows = [{everybody, *chance.sample(known, TOPICS_EACH)} for _ in people]
    pairs = [(each.pk, some) for each, some in zip(people, follows, strict=True)]
    site.shell(_FOLLOW.replace("FOLLOWS", repr(pairs)))
    ever = dict(zip(people, follows, strict=True))
    town = Town(crowd, members, ever, fixed=everybody, chance=chance)

    with publisher.steadily(
        RATE, lambda _: chance.sample(known, chance.choice([1, 2]))
    ):
        wait_for(
            lambda: town.act() >= DELIVERIES,
            what=f"{DELIVERIES} deliveries",
            seconds=PATIENCE_SECONDS,
        )
    first = publish_and_wait(publisher, town, everybody)
    for topics_of_event in zip(known, [*known[1:], known[0]], strict=True):
        publisher.ask(*topics_of_event)
    last = publish_and_wait(publisher, town, everybody)

    events = published(site.database)
    addressed = {event.uid: event.topics for event in events}
    foreign = [
        (member.pk, uid)
        for member, stream in town.history
        for uid in stream.uids
        if not addressed[uid] & ever[member]
    ]
    assert foreign == []
    # Nobody changes anything between the first and the last: now it is exact.
    uids = [event.uid for event in events]
    delivered_up_to = events[uids.index(first) : uids.index(last) + 1]
    for member, stream in town.streams.items():
        got = stream.uids
        follows, muted = followed(site.database, member.pk)
        wanted = [event for event in delivered_up_to if not event.topics & muted]
        assert got[got.index(first) :] == due(wanted, follows)


def publish_and_wait(publisher, town, topic):
    """Publish an event for everybody, and wait until they all have it."""
    uid = publisher.publish(topic)
    wait_until_live(town.streams.values())
    wait_for_event(town.streams.values(), uid)
    return uid


def followed(database, person):
    """Return the topics that a person follows, and those that they muted."""
    query = "SELECT topic, level FROM notifications_follow WHERE user_id = %(person)s"
    levels = dict(database.rows(query, person=person))
    muted = {topic for topic, level in levels.items() if level == "mute"}
    return levels.keys() - muted, muted
